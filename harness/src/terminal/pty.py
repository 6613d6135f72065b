"""Runs a program in a pseudo terminal.

Arguments: columns, lines, the program and its arguments. Standard input has one command a line, as
JSON: {"keys": TEXT}, {"size": [COLUMNS, LINES]} or {"signal": NUMBER}. Standard output has what the
program writes. At its end, standard error has its exit code and whether the modes of the terminal
are those of before.
"""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(columns, lines):
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


def command(line):
    request = json.loads(line)
    if "keys" in request:
        os.write(master, request["keys"].encode())
    if "size" in request:
        resize(*request["size"])
    if "signal" in request:
        os.kill(child, request["signal"])


def show(seconds):
    """Passes output on. Returns whether there was any."""
    readable, _, _ = select.select([master], [], [], seconds)
    if readable:
        os.write(1, os.read(master, 4096))
    return bool(readable)


master, slave = pty.openpty()
resize(int(sys.argv[1]), int(sys.argv[2]))
before = termios.tcgetattr(slave)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for stream in range(3):
        os.dup2(slave, stream)
    os.execv(sys.argv[3], sys.argv[3:])

rest = b""
while True:
    readable, _, _ = select.select([0, master], [], [], 0.05)
    if master in readable:
        show(0)
    if 0 in readable:
        read = os.read(0, 4096)
        if not read:
            os.kill(child, signal.SIGKILL)
        *lines, rest = (rest + read).split(b"\n")
        for line in lines:
            command(line)
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
while show(0.05):
    pass
# The last member has the control characters, which no program changes here.
restored = before[:6] == termios.tcgetattr(slave)[:6]
report = {"code": os.waitstatus_to_exitcode(status), "restored": restored}
sys.stderr.write(json.dumps(report))
