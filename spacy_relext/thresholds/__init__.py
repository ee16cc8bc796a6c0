"""Thresholds for a purpose: the best F, a cost ratio, or a precision that is guaranteed; and on which documents none may be chosen."""
