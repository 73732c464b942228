"""Write the documents whose numbers come from stored tables, or check them.

docs/findings.md, docs/claims.md, docs/speed.md and results/README.md are made from the `.j2` files
in the same folders. Marked parts of README.md and other pages are made from the files in
docs/parts/ that the marks name. The module scripts/docs/documents.py explains how sources are
written.

Run: python scripts/docs/build_documents.py [--check]
"""

from __future__ import annotations

import argparse
import difflib
import sys

from documents import pages
from number_words import Wrong
from result_tables import ROOT

from evosim.runtime.atomic_files import write_atomically


def main() -> None:
    """Write all pages, or none if one of them cannot be made.

    With --check, show what would change and end with 1.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; end with 1 and show what differs"
    )
    given = parser.parse_args()
    try:
        built = pages()
    except Wrong as error:
        sys.exit(f"{error}")
    parted = 0
    for path, text in built.items():
        stored = path.read_text(encoding="utf-8") if path.is_file() else ""
        if stored == text:
            continue
        parted += 1
        name = str(path.relative_to(ROOT))
        if given.check:
            sys.stdout.writelines(
                difflib.unified_diff(
                    stored.splitlines(True),
                    text.splitlines(True),
                    f"{name} as kept",
                    f"{name} as made",
                    n=0,
                )
            )
        else:
            write_atomically(path, text.encode())
            print(f"wrote {name}")
    if given.check and parted:
        sys.exit(
            f"{parted} of {len(built)} pages are not what their sources make. Run python"
            " scripts/docs/build_documents.py"
        )
    print(f"{len(built)} pages are what their sources make")


if __name__ == "__main__":
    main()
