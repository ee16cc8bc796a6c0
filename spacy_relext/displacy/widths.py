"""The width of a text, from a table of widths: no font is needed.

Words stand in boxes of whole pixels, so that lines and marks fall on the same grid. Every width that is added up is such a width:
sums of exact widths against sums of rounded ones put arcs through words.
"""

import unicodedata
from functools import cache

TEXT_SIZE, LABEL_SIZE = 15.0, 10.5
_PADDING = 9  # of a label, left and right of its text together


class _Widths(dict[str, float]):
    """Advance widths of characters, in their size; those outside of the table by their kind."""

    def __missing__(self, char: str) -> float:
        code, wide = ord(char), is_wide(char)
        if unicodedata.category(char) in ("Mn", "Me", "Cf") or 0xFE00 <= code <= 0xFE0F or 0x1F3FB <= code <= 0x1F3FF:
            width = 0.0
        elif wide:
            width = 1.3 if code >= 0x1F000 else 1.0
        else:
            width = 1.11 if char == "\t" else 0.6
        self[char] = width
        return width

    @classmethod
    def read(cls, table: str) -> "_Widths":
        widths = cls()
        for run in table.split():
            codes, _, width = run.partition(":")
            first, _, last = codes.partition("-")
            widths.update((chr(code), int(width) / 1000) for code in range(int(first, 16), int(last or first, 16) + 1))
        return widths


def text_width(text: str, size: float = TEXT_SIZE) -> float:
    """The width of a text in pixels."""
    return sum(map(_WIDTHS.__getitem__, text)) * size


@cache
def label_width(label: str) -> float:
    """The width of a label of an arc in pixels, with what is left blank beside it."""
    return text_width(label, LABEL_SIZE) * 1.04 + _PADDING


def shortened(label: str, room: float) -> str:
    """The longest beginning of a label that fits, with an ellipsis; empty if not even a letter does."""
    for end in range(len(label) - 1, 0, -1):
        if text_width(label[:end] + "…", LABEL_SIZE) * 1.04 + _PADDING <= room:
            return label[:end] + "…"
    return ""


@cache
def is_wide(char: str) -> bool:
    """Whether a character is as wide as it is high, as Chinese ones are, and emoji."""
    return unicodedata.east_asian_width(char) in "WF"


# First and last character of a run of equal width, in hexadecimal, and its width in thousandths of the size. Liberation Sans, whose widths
# are Arial's; Hebrew and Arabic from DejaVu Sans, Arabic letters as they are within words. Made by python -m tests.displacy.make_widths
TABLE = """
20-21:278 22:355 23-24:556 25:889 26:667 27:191 28-29:333 2a:389 2b:584 2c:278 2d:333 2e-2f:278 30-39:556 3a-3b:278 3c-3e:584 3f:556
40:1015 41-42:667 43-44:722 45:667 46:611 47:778 48:722 49:278 4a:500 4b:667 4c:556 4d:833 4e:722 4f:778 50:667 51:778 52:722 53:667
54:611 55:722 56:667 57:944 58-59:667 5a:611 5b-5d:278 5e:469 5f:556 60:333 61-62:556 63:500 64-65:556 66:278 67-68:556 69-6a:222 6b:500
6c:222 6d:833 6e-71:556 72:333 73:500 74:278 75:556 76:500 77:722 78-7a:500 7b:334 7c:260 7d:334 7e:584 a0:278 a1:333 a2-a5:556 a6:260
a7:556 a8:333 a9:737 aa:370 ab:556 ac:584 ae:737 af:552 b0:400 b1:549 b2-b4:333 b5:576 b6:537 b7:278 b8-b9:333 ba:365 bb:556 bc-be:834
bf:611 c0-c5:667 c6:1000 c7:722 c8-cb:667 cc-cf:278 d0-d1:722 d2-d6:778 d7:584 d8:778 d9-dc:722 dd-de:667 df:611 e0-e5:556 e6:889 e7:500
e8-eb:556 ec-ef:278 f0-f6:556 f7:549 f8:611 f9-fc:556 fd:500 fe:556 ff:500 100:667 101:556 102:667 103:556 104:667 105:556 106:722
107:500 108:722 109:500 10a:722 10b:500 10c:722 10d:500 10e:722 10f:615 110:722 111:556 112:667 113:556 114:667 115:556 116:667 117:556
118:667 119:556 11a:667 11b:556 11c:778 11d:556 11e:778 11f:556 120:778 121:556 122:778 123:556 124:722 125:556 126:722 127:556
128-12e:278 12f:222 130-131:278 132:735 133:444 134:500 135:222 136:667 137-138:500 139:556 13a:222 13b:556 13c:222 13d:556 13e:292
13f:556 140:334 141:556 142:222 143:722 144:556 145:722 146:556 147:722 148:556 149:604 14a:723 14b:556 14c:778 14d:556 14e:778 14f:556
150:778 151:556 152:1000 153:944 154:722 155:333 156:722 157:333 158:722 159:333 15a:667 15b:500 15c:667 15d:500 15e:667 15f:500 160:667
161:500 162:611 163:278 164:611 165:375 166:611 167:278 168:722 169:556 16a:722 16b:556 16c:722 16d:556 16e:722 16f:556 170:722 171:556
172:722 173:556 174:944 175:722 176:667 177:500 178:667 179:611 17a:500 17b:611 17c:500 17d:611 17e:500 17f:222 192:556 1fa:667 1fb:556
1fc:1000 1fd:889 1fe:778 1ff:611 218:667 219:500 21a:611 21b:278 37e:278 384-385:333 386:667 387:278 388:784 389:838 38a:384 38c:774
38e:855 38f:752 390:222 391-392:667 393:551 394:668 395:667 396:611 397:722 398:778 399:278 39a:667 39b:668 39c:833 39d:722 39e:650
39f:778 3a0:722 3a1:667 3a3:618 3a4:611 3a5:667 3a6:798 3a7:667 3a8:835 3a9:748 3aa:278 3ab:667 3ac:578 3ad:446 3ae:556 3af:222 3b0:547
3b1:578 3b2:575 3b3:500 3b4:557 3b5:446 3b6:441 3b7-3b8:556 3b9:222 3ba-3bb:500 3bc:576 3bd:500 3be:448 3bf:556 3c0:690 3c1:569 3c2:482
3c3:617 3c4:395 3c5:547 3c6:648 3c7:525 3c8:713 3c9:781 3ca:222 3cb:547 3cc:556 3cd:547 3ce:781 400-401:667 402:865 403:542 404:719
405:667 406-407:278 408:500 409:1057 40a:1010 40b:854 40c:583 40d:722 40e:635 40f:719 410:667 411:656 412:667 413:542 414:677 415:667
416:923 417:604 418-419:719 41a:583 41b:656 41c:833 41d:722 41e:778 41f:719 420:667 421:722 422:611 423:635 424:760 425:667 426:740
427:667 428:917 429:938 42a:792 42b:885 42c:656 42d:719 42e:1010 42f:722 430:556 431:573 432:531 433:365 434:583 435:556 436:669 437:458
438-439:559 43a:438 43b:583 43c:688 43d:552 43e:556 43f:542 440:556 441:500 442:458 443:500 444:823 445:500 446:573 447:521 448:802
449:823 44a:625 44b:719 44c:521 44d:510 44e:750 44f:542 450-452:556 453:365 454:510 455:500 456:222 457:278 458:222 459:906 45a:812
45b:556 45c:438 45d:559 45e:500 45f:552 472:778 473:556 490:489 491:411 5be:361 5c0:295 5c3:295 5c6:441 5d0:668 5d1:578 5d2:412 5d3:546
5d4:653 5d5:272 5d6:346 5d7:653 5d8:648 5d9:224 5da:537 5db:529 5dc:568 5dd:664 5de:679 5df:272 5e0:400 5e1:649 5e2:626 5e3:640 5e4:625
5e5:540 5e6:593 5e7:709 5e8:564 5e9:708 5ea:657 5f0:471 5f1:423 5f2:331 5f3:416 5f4:645 606-607:637 609:757 60a:977 60c:323 61b:318
61f:531 621:470 622-623:305 624:517 625:305 626:302 627:305 628:302 629:536 62a-62b:302 62c-62e:646 62f-630:525 631-632:552 633-634:892
635-636:867 637-638:820 639-63a:482 640:293 641-642:506 643:552 644:331 645:578 646:302 647:461 648:517 649:833 64a:302 660-66a:537
66b:325 66c:318 66d:545 66e:941 66f:776 674:292 679-680:941 681-687:646 688-690:445 691-692:483 693:498 694:530 695:610 696:530
697-699:483 69a-69c:1221 69d-69e:1209 69f:925 6a0:597 6a1-6a6:1037 6a7-6a8:776 6a9:895 6aa:1054 6ab:895 6ac-6ae:824 6af-6b4:895
6b5-6b8:727 6b9-6bd:734 6be:698 6bf:646 6c6-6c8:483 6cb:483 6cc:783 6ce:783 6d0:783 6d5:524 6f0-6f9:537 1e80:944 1e81:722 1e82:944
1e83:722 1e84:944 1e85:722 1ef2:667 1ef3:500 2010-2011:333 2013:556 2014-2015:1000 2017:552 2018-201b:222 201c-201e:333 2020-2021:556
2022:350 2026:1000 2030:1000 2032:188 2033:354 2039-203a:333 203c:500 203e:333 207f:365 20a3-20a4:556 20a7:1094 20ac:556 2105:885
2113:323 2116:1073 2122:1000 2126:768 212e:600 215b-215e:834 2190:1000 2191:500 2192:1000 2193:500 2194:1000 2195:500 21a8:500 2202:494
2206:612 220f:823 2211:713 2212:584 2215:167 2219:278 221a:549 221e:713 221f:979 2229:719 222b:274 2248:549
"""
_WIDTHS = _Widths.read(TABLE)
