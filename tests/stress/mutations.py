"""Changes of valid files, as bytes, as text, as JSON, as XML and as a folder: what a reader must refuse, or read as it stands."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

Mutation = Callable[[Random, bytes], bytes]

NUMBERS = [
    "-1", "0", "00", "1", "2147483648", "9" * 18, "9" * 19, "9" * 400, "9" * 5000, "1e999", "-0.0", "1.5", "NaN",
    "Infinity", "-Infinity", "0x10", "٣", "²", "1_000", "+3", " 3", "true", "null", '"7"', "1e3",
]  # fmt: skip
WORDS = [
    "", " ", "\t", "\n", "\r", "\x00", "\ufeff", "\u2028", "\x85", "\x1c", "../../x", "/etc/passwd", "a/b", "C:\\x",
    "..", ".", "~", "a" * 300, "a" * 70_000, "No-rel", "None", "-1", "-", "|", "a|b", "a;b", ":", "#", "T1", "R1", "E1",
    "*", "<&>", "&#0;", "]]>", '"', "'", "\\", "é", "e\u0301", "🙂", "👩🏽‍⚕️", "\ud83d", "\udcff", "%s{}", "Arg1:T1",
    "Arg2:T99",
]  # fmt: skip
# Of JSON, as text: other types, deep ones, halves of surrogate pairs, keys that stand twice.
VALUES = [
    "null", "true", "false", "[]", "{}", "[[]]", '""', '" "', "0", "-1", "1.5", "NaN", "1e999", "9" * 5000, '"\\ud83d"',
    '"\\u0000"', '"x"', "[null]", '[{}]', '{"a": 1, "a": 2}', "[" * 100_000 + "]" * 100_000, "[" * 100_000,
    '{"a":' * 50_000,
]  # fmt: skip
ENCODINGS = ["utf-16", "utf-16-le", "utf-32", "utf-8-sig", "latin-1", "cp1252", "utf-7", "cp037"]
ELEMENTS = [
    "<x/>",
    "<!-- c -->",
    "<?php ?>",
    "&nope;",
    "&#1;",
    "<![CDATA[x]]>",
    "<infon key='type'>X</infon>",
    "<a>" * 50_000,
    "<a>" * 3000 + "</a>" * 3000,
]
# Each entity is ten of the one before it.
_BOMB = "".join(f'<!ENTITY {c} "{f"&{p};" * 10}">' for p, c in zip("abcdefghi", "bcdefghij", strict=True))
DOCTYPES = [
    f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{_BOMB}]>',
    '<!DOCTYPE x [<!ENTITY j SYSTEM "file:///etc/passwd">]>',
    '<!DOCTYPE x SYSTEM "http://localhost:1/x.dtd">',
]


def _text(change: Callable[[Random, str], str]) -> Mutation:
    """A change of text, which bytes that are not UTF-8 survive, and half surrogates become."""
    return lambda random, raw: change(random, raw.decode("utf8", "surrogateescape")).encode("utf8", "surrogatepass")


def _place(random: Random, size: int) -> int:
    return random.randint(0, size)


def change_bytes(random: Random, raw: bytes) -> bytes:
    made = bytearray(raw)
    for _ in range(random.choice([1, 1, 2, 8])):
        i = _place(random, len(made))
        made[i : i + random.randint(0, 3)] = random.randbytes(random.randint(0, 3))
    return bytes(made)


def change_stretch(random: Random, raw: bytes) -> bytes:
    """Cut off, left out, doubled, moved, repeated, filled."""
    a, b = sorted((_place(random, len(raw)), _place(random, len(raw))))
    kinds = [
        raw[:a],
        raw[a:],
        raw[:a] + raw[b:],
        raw[:b] + raw[a:],
        raw[b:] + raw[:b],
        raw * 2,
        raw + raw[a:b],
        b"",
        b"\n" * 5 + raw,
        raw + b"\x00" * 50,
    ]
    return random.choice(kinds)


def change_lines(random: Random, raw: bytes) -> bytes:
    lines = raw.splitlines(keepends=True) or [b""]
    i, j = random.randrange(len(lines)), random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            del lines[i]
        case 1:
            lines.insert(j, lines[i])
        case 2:
            lines[i], lines[j] = lines[j], lines[i]
        case 3:
            lines.insert(i, random.choice([b"\n", b"\r\n", b" \n", b"\x0c\n", b"x\n", b"#\n"]))
        case 4:
            lines = [line.replace(b"\n", b"\r\n") for line in lines]
        case 5:
            lines = [line.replace(b"\n", b"\r") for line in lines]
        case _:
            lines[i] = lines[i].rstrip() + lines[j]
    return b"".join(lines)


def change_encoding(random: Random, raw: bytes) -> bytes:
    return raw.decode("utf8", "replace").encode(random.choice(ENCODINGS), "replace")


def change_number(random: Random, text: str) -> str:
    """One number, or all: another one, or one more or less."""
    found = list(re.finditer(r"\d+", text))
    if not found:
        return text
    if random.random() < 0.2:
        by = random.choice([-1, 1, 2, 10])
        return re.sub(r"(?<!\w)\d{1,9}(?!\w)", lambda m: str(int(m[0]) + by), text)
    match = random.choice(found)
    near = str(int(match[0][:9]) + random.choice([-2, -1, 1, 2, 100]))
    return text[: match.start()] + random.choice([near, random.choice(NUMBERS)]) + text[match.end() :]


def change_word(random: Random, text: str) -> str:
    found = list(re.finditer(r"[^\W\d_]\w*|\S+", text))
    if not found:
        return text
    match, other = random.choice(found), random.choice(found)
    return text[: match.start()] + random.choice([other[0], random.choice(WORDS), match[0] * 2, match[0].upper()]) + text[match.end() :]


def change_separator(random: Random, text: str) -> str:
    found = list(re.finditer(r"""[\t,:;|{}\[\]<>"'=\n ]""", text))
    if not found:
        return text
    match = random.choice(found)
    return (
        text[: match.start()] + random.choice(["", "\t", " ", ",", ";", "|", "\n", '"', match[0] * 2, "}", "]", ">"]) + text[match.end() :]
    )


def change_json(random: Random, text: str) -> str:
    """A value of one line, or of the whole: of another type, gone, twice, under another key."""
    lines = text.splitlines(keepends=True)
    whole = random.random() < 0.5 or not lines
    i = 0 if whole else random.randrange(len(lines))
    try:
        value = json.loads(text if whole else lines[i])
    except (ValueError, RecursionError):
        return change_word(random, text)
    places: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        at = stack.pop()
        items = list(at.items()) if isinstance(at, dict) else list(enumerate(at)) if isinstance(at, list) else []
        places += [(at, key) for key, _ in items]
        stack += [inner for _, inner in items]
    if not places:
        return change_word(random, text)
    at, key = random.choice(places)
    mark = "\x01mark\x01"
    match random.randrange(6):
        case 0:
            del at[key]
        case 1 if isinstance(at, list):
            at.insert(random.randint(0, len(at)), at[key])
        case 1 | 2 if isinstance(at, dict):
            at[random.choice([*at, "id", "text", "x"])] = at.pop(key)
        case 3:
            other, name = random.choice(places)
            at[key] = other[name] if not isinstance(other[name], dict | list) else len(other[name])
        case _:
            at[key] = mark
    made = json.dumps(value, ensure_ascii=random.random() < 0.5)
    made = made.replace(json.dumps(mark), random.choice([*VALUES, json.dumps(random.choice(WORDS)), random.choice(NUMBERS)]), 1)
    if random.random() < 0.1:
        made = re.sub(r'("\w+": )("[^"]*")', r"\1\2, \1\2", made, count=random.randint(1, 3))
    return made if whole else "".join([*lines[:i], made, "\n", *lines[i + 1 :]])


def change_xml(random: Random, text: str) -> str:
    tags = list(re.finditer(r"<(\w[\w:.]*)([^<>]*)>", text))
    if not tags:
        return change_word(random, text)
    tag = random.choice(tags)
    match random.randrange(6):
        case 0:
            return text[: tag.start()] + random.choice(ELEMENTS) + text[tag.start() :]
        case 1:
            end = text.find(f"</{tag[1]}>", tag.end())
            end = end + len(tag[1]) + 3 if end >= 0 else tag.end()
            element = text[tag.start() : end]
            return text[: tag.start()] + random.choice(["", element * 2, element * 3]) + text[end:]
        case 2:
            start = text.find("?>") + 2 if text.startswith("<?xml") else 0
            where = random.choice(["&j;", "&j;", ""])
            return text[:start] + random.choice(DOCTYPES) + text[start : tag.end()] + where + text[tag.end() :]
        case 3 if "=" in tag[2]:
            attribute = random.choice(list(re.finditer(r"""([\w:.]+)=("[^"]*"|'[^']*')""", tag[2])) or [None])  # type: ignore[list-item]
            if attribute is not None:
                word = random.choice([*WORDS, *NUMBERS]).replace("<", "").replace('"', "")
                new = random.choice(["", f"{attribute[0]} {attribute[0]}", f'{attribute[1]}="{word}"', f'x="{word}"'])
                return text[: tag.start(2)] + tag[2].replace(attribute[0], new, 1) + text[tag.end(2) :]
        case 4:
            return text.replace(f"<{tag[1]}", f"<{random.choice(['x', 'a:b', 'document', 'id'])}", 1)
    return text[: tag.end()] + random.choice(WORDS) + text[tag.end() :]


def mutate_file(random: Random, raw: bytes) -> bytes:
    """One change, of a kind that suits the file now and then."""
    general: list[Mutation] = [change_bytes, change_stretch, change_lines, change_encoding]
    textual = [_text(change) for change in (change_number, change_word, change_separator)]
    start = raw.lstrip()[:1]
    fitting = [_text(change_json)] if start in (b"{", b"[") else [_text(change_xml)] if start == b"<" else [_text(change_number)]
    weights = [2, 2, 2, 1, 4, 4, 3, 8]
    [chosen] = random.choices([*general, *textual, *fitting], weights)
    try:
        return chosen(random, raw)
    except UnicodeError:
        return raw


def mutate(random: Random, files: dict[str, bytes]) -> dict[str, bytes]:
    """One to three changes of the files of an input."""
    files = dict(files)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        # A changed type system costs a second.
        names = [name for name in files if not name.startswith("TypeSystem") or random.random() < 0.03]
        if not names:
            return files
        name = random.choice(names)
        if random.random() < 0.93:
            files[name] = mutate_file(random, files[name])
            continue
        match random.randrange(4):
            case 0:
                del files[name]
            case 1:
                files[name] = files[random.choice(names)]
            case 2:
                files[random.choice([f"sub/{name}", f"x{name}", f"{name}.bak"])] = files.pop(name)
            case _:
                files[f"sub/{name}"] = files[name]
    return files
