"""Names for arrays by kind and number of dimensions, as thinc has them; thinc's own types know too little of numpy's indexing."""

from typing import Any

import numpy

Ints1d = numpy.ndarray[Any, numpy.dtype[Any]]
Ints2d = numpy.ndarray[Any, numpy.dtype[Any]]
Bools1d = numpy.ndarray[Any, numpy.dtype[Any]]
Bools2d = numpy.ndarray[Any, numpy.dtype[Any]]
Floats1d = numpy.ndarray[Any, numpy.dtype[Any]]
Floats2d = numpy.ndarray[Any, numpy.dtype[Any]]
Floats3d = numpy.ndarray[Any, numpy.dtype[Any]]
Floats4d = numpy.ndarray[Any, numpy.dtype[Any]]
