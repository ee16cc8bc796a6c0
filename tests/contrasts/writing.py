"""Contrast sets of the tests, from marked-up sentences."""

import json
import re


def line(name, marked, head, tail, *, kind="MFT", phenomenon="negated", frame="spares", group="g1", types=None, **said):
    """A line: mentions are in brackets; head and tail are numbers of them, counted from 0."""
    text, mentions = "", []
    for part in re.split(r"(\[[^]]+\])", marked):
        name_of = part.strip("[]") if part.startswith("[") else part
        if part.startswith("["):
            kinds = types or {}
            mentions.append({"id": f"T{len(mentions) + 1}", "start": len(text), "end": len(text) + len(name_of), "text": name_of})
            mentions[-1]["type"] = kinds.get(len(mentions) - 1, "CHEMICAL")
        text += name_of
    asked = {"group": group, "phenomenon": phenomenon, "kind": kind, "frame": frame, "head": f"T{head + 1}", "tail": f"T{tail + 1}", **said}
    return {"id": name, "text": text, "mentions": mentions, "meta": {"contrast": asked}}


def write(path, *lines):
    path.write_text("".join(json.dumps(entry) + "\n" for entry in lines), encoding="utf8")
    return path


def pair(group="g1", phenomenon="negated", frame="spares", **more):
    """A minimal pair that the toy pipeline has learned: one sentence is related, the other one is not."""
    shared = {"group": group, "phenomenon": phenomenon, "frame": frame, **more}
    return [
        line(f"{group}-a", "[Aspirin] increases [warfarin] levels.", 0, 1, expected=["MECHANISM"], **shared),
        line(f"{group}-b", "[Ketamine] did not alter [warfarin].", 0, 1, expected=[], **shared),
    ]
