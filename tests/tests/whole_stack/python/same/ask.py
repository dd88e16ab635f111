"""Asks one connection many things and prints each answer as one line.

The programs beside this one are run against two drivers; whatever they print
is compared line by line, so nothing may be in it that differs by chance.
"""
import sys

import libvirt

URI = sys.argv[1]
libvirt.registerErrorHandler(lambda *_: None, None)


def plain(answer):
    """Objects by their names, lists without their order."""
    if isinstance(answer, list) and answer and not isinstance(answer[0], int):
        return sorted(plain(one) for one in answer)
    return answer.name() if hasattr(answer, "name") else answer


def ask(label, call, *args):
    """Prints what a call answers or how it is refused; returns the answer."""
    try:
        answer = call(*args)
    except libvirt.libvirtError as e:
        print(f"{label}\t{e.get_error_code()} {e.get_error_domain()} {e.get_error_message()!r}")
        return None
    print(f"{label}\t{plain(answer)!r}")
    return answer


def refused(label, call, *args):
    """Prints only with which code a document is refused: the words are each driver's own."""
    try:
        call(*args)
    except libvirt.libvirtError as e:
        print(f"{label}\t{e.get_error_code()}")
        return
    print(f"{label}\taccepted")


def each(what, names, thing, *args):
    """Asks a thing by several of its methods."""
    for name in names:
        ask(f"{what}: {name}", getattr(thing, name), *args)
