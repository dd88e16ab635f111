"""Runs the own test suite of the Python bindings, whose tests open the client library's test driver, on a daemon.

Arguments: a URI to open instead, the folder with the tests. One line per test.
"""
import os
import sys
import unittest

import libvirt

URI, FOLDER = sys.argv[1:]


def led(call):
    def open_it(name, *rest):
        return call(URI if name == "test:///default" else name, *rest)
    return open_it


for name in ("open", "openReadOnly", "openAuth"):
    setattr(libvirt, name, led(getattr(libvirt, name)))
sys.path.insert(0, FOLDER)
os.chdir(FOLDER)


class Lines(unittest.TextTestResult):
    def addSuccess(self, test):
        super().addSuccess(test)
        print("%s: passes" % test.id())

    def addFailure(self, test, error):
        super().addFailure(test, error)
        print("%s: fails" % test.id())

    def addError(self, test, error):
        super().addError(test, error)
        print("%s: fails with %s" % (test.id(), error[0].__name__))


loader = unittest.TestLoader()
names = sorted(one[:-3] for one in os.listdir(FOLDER) if one.startswith("test_") and one.endswith(".py"))
# Which functions the bindings cover is no matter of a daemon.
suite = unittest.TestSuite(loader.loadTestsFromName(name) for name in names if name != "test_api_coverage")
unittest.TextTestRunner(resultclass=Lines, verbosity=2).run(suite)
sys.stdout.flush()
os._exit(0)
