# SPDX-License-Identifier: MIT
"""What systemd is to a service: it starts it with a notification socket, and hears what it says there."""

import os
import socket
import subprocess
import tempfile

from private_redis import TIMEOUT_SCALE, WRAPPER, without_weir_url


class Systemd:
    """with Systemd([program], {"WEIR_URL": url}) as systemd: systemd.hear("READY=1")

    Its watchdog wants to hear of the program every fifth of a second."""

    def __init__(self, command, environment, **more):
        self.folder = tempfile.TemporaryDirectory(prefix="weir-test.")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20 * TIMEOUT_SCALE)
        path = os.path.join(self.folder.name, "notify")
        self.socket.bind(path)
        self.process = subprocess.Popen(
            [*WRAPPER, *command],
            env={**without_weir_url(), "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "200000", **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            **more,
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.socket.close()
        self.folder.cleanup()

    def hear(self, wanted):
        """Waits for a message that begins so; others may come before it, but none that matters."""
        while True:
            message = self.socket.recv(65536).decode()
            if message.startswith(wanted):
                return message
            assert message == "WATCHDOG=1" or message.startswith("STATUS="), message

    def end(self, number):
        """Sends the signal; what the program's exit code is."""
        self.process.send_signal(number)
        self.hear("STOPPING=1")
        return self.process.wait(20 * TIMEOUT_SCALE)
