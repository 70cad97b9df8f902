#!/usr/bin/env python3
"""Prints how the types of each module of the engine and of the survey hang together, by the names that each file mentions.

The compiler keeps the arrows between the modules (docs/architecture.md). Ends with 1 when types of one module form a circle too large to be read as
a line, a folder holds more files than one can look through, or a file more lines.
"""

import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent / "Sources"
LAYERS = ["SyncKit/Core", "SyncKit/Store", "SyncKit/Bundle", "SyncKit/Client", "SyncKit/Hub", "SurveyKit/Model", "SurveyKit/Field", "SurveyKit/Hub"]
FILES_MAX = 15
# Lines of a file that is not generated.
LINES_MAX = 400
# Types of one module that reach one another.
CIRCLE_MAX = 14
DECLARED = re.compile(r"^(?:(?:public|package|internal|final|indirect|nonisolated) +)*(struct|class|enum|protocol|actor) +(\w+)")
OPENED = re.compile(r"^(?:(?:@\w+|public|package|internal|private|fileprivate|final|indirect) +)*(?:struct|class|enum|protocol|actor|extension) +(\w+)")
# Comments, and what of texts is not interpolated, mention names without using them.
LITERAL = re.compile(r'//[^\n]*|"""(?:.|\n)*?"""|"(?:\\\(|\\.|[^"\\\n])*"')


def code(path):
    return LITERAL.sub(lambda found: " ".join(re.findall(r"\\\((.*?)\)", found.group(0))), path.read_text())


def chunks(text):
    """Yields each type that a file declares or extends at its top, with the lines of it."""
    name, lines = None, []
    for line in text.split("\n"):
        found = OPENED.match(line)
        if found and name is None:
            name, lines = found.group(1), []
        if name is not None:
            lines.append(line)
            if line.startswith("}") or (found and line.rstrip().endswith("}") and line.count("{") == line.count("}")):
                yield name, "\n".join(lines)
                name = None


def circles(graph):
    """Returns the sets of types that reach one another (Tarjan), the largest first."""
    index, low, stack, result = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in graph[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            part = stack[stack.index(node):]
            del stack[stack.index(node):]
            result.append(sorted(part))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return sorted(result, key=len, reverse=True)


def main():
    sys.setrecursionlimit(10_000)
    layer = {
        path: name for name in LAYERS for path in sorted((ROOT / name).rglob("*.swift")) if not path.name.endswith(".pb.swift")
    }
    texts = {path: code(path) for path in layer}
    types = collections.defaultdict(set)
    for path, text in texts.items():
        for line in text.split("\n"):
            if found := DECLARED.match(line):
                types[layer[path]].add(found.group(2))
    faults = []
    for folder in sorted({path.parent for path in ROOT.rglob("*.swift")}):
        count = len(list(folder.glob("*.swift")))
        if count > FILES_MAX:
            faults.append(f"{folder.relative_to(ROOT)}: {count} files, at most {FILES_MAX}")
    for path in sorted(ROOT.rglob("*.swift")):
        name, lines = str(path.relative_to(ROOT)), len(path.read_text().splitlines())
        if not name.endswith(".pb.swift") and lines > LINES_MAX:
            faults.append(f"{name}: {lines} lines, at most {LINES_MAX}")
    for name in LAYERS:
        graph = {each: set() for each in types[name]}
        for path, text in texts.items():
            if layer[path] != name:
                continue
            for owner, lines in chunks(text):
                if owner in graph:
                    graph[owner] |= (set(re.findall(r"\b[A-Z]\w*\b", lines)) & types[name]) - {owner}
        largest = circles(graph)[0]
        if len(largest) > CIRCLE_MAX:
            faults.append(f"{name}: a circle of {len(largest)} types, at most {CIRCLE_MAX}")
        shown = f": {', '.join(largest)}" if "--circles" in sys.argv[1:] and len(largest) > 1 else ""
        print(f"layers: {name}: {len(graph)} types, the largest circle of them {len(largest)}{shown}")
    if faults:
        print("\n".join(faults))
        sys.exit(1)


main()
