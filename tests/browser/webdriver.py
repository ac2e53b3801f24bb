# SPDX-License-Identifier: MIT
"""A headless Chromium, driven by chromedriver over its protocol (W3C WebDriver), with nothing but Python's library."""
import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

TIMEOUT_S = 60 * int(os.environ.get("WEIR_TEST_TIMEOUT_SCALE", "1"))
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Escape": "\ue00c", "Space": "\ue00d", "Shift": "\ue008"}


def missing():
    """What isn't there of what is needed, in words; empty: nothing."""
    return " and ".join(name for name in ("chromium", "chromedriver") if not shutil.which(name))


class Gone(Exception):
    """An element that the page has replaced."""


class Failed(Exception):
    """What the driver said."""


def until(what, question, *arguments):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + TIMEOUT_S
    last = None
    while time.monotonic() < end:
        try:
            last = question(*arguments)
            if last:
                return last
        except (Gone, AssertionError) as error:
            last = error
        time.sleep(0.005)
    raise AssertionError(f"waited {TIMEOUT_S} s in vain for: {what} ({last!r})")


class Element:
    def __init__(self, browser, ident):
        self.browser, self.ident = browser, ident
        self.again = None  # finds it once more, where the page may have replaced it

    def _get(self, what):
        return self.browser.command("GET", f"/element/{self.ident}/{what}")

    def _post(self, what, **values):
        return self.browser.command("POST", f"/element/{self.ident}/{what}", values)

    text = property(lambda self: self._get("text"))
    role = property(lambda self: self._get("computedrole"))
    label = property(lambda self: self._get("computedlabel"))
    enabled = property(lambda self: self._get("enabled"))
    shown = property(lambda self: self._get("displayed"))

    def property(self, name):
        return self._get(f"property/{name}")

    def click(self):
        try:
            self.click_once()
        except Gone:
            if not self.again:
                raise
            self.again().click()

    def click_once(self):
        script = "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})"
        self.browser.js(script, {ELEMENT: self.ident})
        self._post("click")

    def type(self, text):
        self._post("value", text=text)

    def clear(self):
        self._post("clear")


class Browser:
    def __init__(self, width=1280, height=900):
        self.directory = tempfile.mkdtemp(prefix="weir-browser-")
        # its own home and temporary directory, so that all that it leaves behind goes with them
        environment = dict(os.environ, HOME=self.directory, TMPDIR=self.directory)
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0", "--log-level=SEVERE"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env=environment, start_new_session=True)
        self.address = None
        for line in self.driver.stdout:
            port = re.search(r"started successfully on port (\d+)", line)
            if port:
                self.address = f"http://127.0.0.1:{port.group(1)}"
                break
        assert self.address, "chromedriver did not start"
        options = ["--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--lang=en-GB",
                   "--disable-extensions", "--disable-background-networking", "--force-color-profile=srgb",
                   "--hide-scrollbars", f"--user-data-dir={self.directory}/profile", f"--window-size={width},{height}"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")
        answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": options}}}})
        self.session = f"/session/{answer['sessionId']}"

    def close(self):
        try:
            self._send("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(TIMEOUT_S)
            self.driver.stdout.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.address + path, data=data, method=method,
                                         headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=2 * TIMEOUT_S) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            kind = Gone if value["error"] in ("stale element reference", "no such element") else Failed
            raise kind(f"{value['error']}: {value['message']}") from None

    def command(self, method, path, body=None):
        return self._send(method, self.session + path, body)

    def go(self, address):
        self.command("POST", "/url", {"url": address})

    def js(self, script, *arguments):
        return self.command("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        """The first element; waits for it to be there and to be seen."""
        element = until(f"{selector} to be shown", self.look, selector)
        element.again = lambda: self.find(selector)
        return element

    def look(self, selector):
        """The first element that is shown, or None."""
        for element in self.all(selector):
            if element.shown:
                return element
        return None

    def all(self, selector):
        found = self.command("POST", "/elements", {"using": "css selector", "value": selector})
        return [Element(self, value[ELEMENT]) for value in found]

    def button(self, name, within="body"):
        """The button or link of this accessible name that is shown."""
        def look():
            for element in self.all(f"{within} button, {within} a"):
                if element.shown and element.label == name:
                    return element
            return None
        element = until(f"a button \"{name}\"", look)
        element.again = lambda: self.button(name, within)
        return element

    def says(self, words, within="body"):
        """Waits until the text within it has these words."""
        until(f"\"{words}\" within {within}", lambda: words in self.text(within))

    def text(self, selector="body"):
        """What can be read there, rows and cells apart by white space."""
        return self.js("const e = document.querySelector(arguments[0]); return e ? e.innerText : ''", selector)

    def press(self, *keys):
        """Keys to wherever the focus is, one after the other; "Shift+Tab" holds the first."""
        actions = []
        for key in keys:
            *held, last = key.split("+") if len(key) > 1 else [key]
            names = [KEYS.get(name, name) for name in [*held, last]]
            actions += [{"type": "keyDown", "value": name} for name in names]
            actions += [{"type": "keyUp", "value": name} for name in reversed(names)]
        self.command("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def focused(self):
        return Element(self, self.command("GET", "/element/active")[ELEMENT])

    def cdp(self, command, **values):
        return self.command("POST", "/goog/cdp/execute", {"cmd": command, "params": values})

    def resize(self, width, height, phone=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, mobile=phone,
                 deviceScaleFactor=2 if phone else 1)

    def plain(self):
        """As it was at first: no phone, no dark."""
        self.cdp("Emulation.clearDeviceMetricsOverride")
        self.scheme("light")

    def scheme(self, name):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def console(self):
        """What the page has complained of since it was asked last: of scripts, its security policy, failed loads."""
        entries = self.command("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def picture(self, path, whole=False):
        if whole:
            data = self.cdp("Page.captureScreenshot", captureBeyondViewport=True)["data"]
        else:
            data = self.command("GET", "/screenshot")
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))
