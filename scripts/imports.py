#!/usr/bin/env python3
"""Names each file that imports a module of this package on which its target does not depend; ends with 1 if there is one.

A build that goes on from an earlier build finds such a module lying there; a build from nothing does not.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
IMPORTED = re.compile(r"^\s*(?:@[\w()]+ +)*(?:public +|package +|internal +|private +)?import +(?:(?:struct|class|enum|protocol|func) +)?(\w+)", re.M)


def main():
    package = json.loads(subprocess.run(
        ["swift", "package", "--traits", "Server", "describe", "--type", "json"], cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    targets = {target["name"]: target for target in package["targets"]}

    def reached(name, found):
        for other in targets[name].get("target_dependencies", []):
            if other not in found:
                found.add(other)
                reached(other, found)
        return found

    faults = []
    for name, target in targets.items():
        # A module's C name has no hyphen.
        known = {each.replace("-", "_") for each in reached(name, {name})}
        ours = {each.replace("-", "_") for each in targets} - known
        for file in sorted((ROOT / target["path"]).rglob("*.swift")):
            for module in sorted(set(IMPORTED.findall(file.read_text())) & ours):
                faults.append(f"{file.relative_to(ROOT)}: imports {module}, on which {name} does not depend (Package.swift)")
    if faults:
        print("\n".join(faults))
        sys.exit(1)


main()
