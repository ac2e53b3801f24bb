#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The wire has no decimal comma, whatever locale the program has set.

    decimal_comma.py TEST-ROUND-TRIP

Makes a German locale of its own (Debian's `locales` has what localedef needs), and runs the round trips in it. Skipped
(77) where it can't be made.
"""

import os
import subprocess
import sys
import tempfile


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run(['localedef', '-i', 'de_DE', '-f', 'UTF-8', folder + '/de_DE.UTF-8'],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if made.returncode != 0:
            print(made.stdout.decode())
            sys.exit(1 if os.environ.get('WEIR_TEST_NO_SKIP') else 77)
        run = subprocess.run([program], env={**os.environ, 'LOCPATH': folder}, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
    out = run.stdout.decode()
    print(out)
    sys.exit(0 if run.returncode == 0 and 'OK ] locales_do_not_matter' in out else 1)


main(os.path.abspath(sys.argv[1]))
