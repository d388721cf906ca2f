#!/bin/bash
# SPDX-License-Identifier: MIT
# The parser's trees beside those of Python's own parser, over the dropped cases, the seeds and the real code.
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null || { echo "no Python 3.9"; exit 77; }
exec python3 against_python.py "$NARU_BUILD/tests/test_script_parse" parse/*.txt ../data/script/*.py \
    ../data/script/code/*.py ../../fuzz/seeds/script_code/*.py
