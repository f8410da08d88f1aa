"""Chromium, driven through the DevTools protocol over a pair of pipes: no driver, no port, no packages.

https://chromedevtools.github.io/devtools-protocol/ (stable 1.3); with --remote-debugging-pipe
messages are JSON ended by a zero byte, read by the browser on descriptor 3 and written on 4.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--hide-scrollbars", "--remote-debugging-pipe",
)  # fmt: skip
PATIENCE = 60.0  # seconds for one answer


def chromium() -> str | None:
    """The browser's program, None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """A browser with a new and empty profile; close it."""

    def __init__(self, program: str) -> None:
        self.profile = tempfile.mkdtemp(prefix="segpack-browser-")
        theirs_in, mine_out = os.pipe()
        mine_in, theirs_out = os.pipe()
        # Away from 3 and 4, which are what the browser is to find them as.
        theirs_in, theirs_out = (fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 10) for fd in (theirs_in, theirs_out))
        null = os.open(os.devnull, os.O_RDWR)
        actions = [
            (os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2),
            (os.POSIX_SPAWN_DUP2, theirs_in, 3), (os.POSIX_SPAWN_DUP2, theirs_out, 4),
        ]  # fmt: skip
        arguments = [program, *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        self.process = os.posix_spawn(program, arguments, os.environ, file_actions=actions, setsid=True)
        for fd in (theirs_in, theirs_out, null):
            os.close(fd)
        self.input, self.output = mine_in, mine_out
        self.unread = b""
        self.number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        os.close(self.output)
        os.close(self.input)
        os.killpg(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        shutil.rmtree(self.profile, ignore_errors=True)

    def command(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """What the browser answers; events that come meanwhile are kept."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.output, data) :]
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer.get('error')}"
                found: dict[str, Any] = answer["result"]
                return found
            self.events.append(answer)

    def wait(self, method: str) -> None:
        """Until an event of this name has come that nobody has waited for."""
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self._next())

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.input], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self.input, 1 << 20) if ready else b""
            assert part, "the browser does not answer"
            self.unread += part
        message, _, self.unread = self.unread.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


class Tab:
    """A page as somebody with a window of this size and these preferences sees it."""

    def __init__(self, browser: Browser, file: Path, width: int, height: int = 900, *, dark: bool = False) -> None:
        self.browser = browser
        browser.events.clear()
        self.target = browser.command("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.command("Target.attachToTarget", targetId=self.target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.command(f"{domain}.enable")
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.command("Emulation.setEmulatedMedia", features=[scheme, still])
        browser.events.clear()
        self.command("Page.navigate", url=file.as_uri())
        browser.wait("Page.loadEventFired")
        self.file = file

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.command(method, self.session, **parameters)

    def run(self, script: str) -> Any:
        """The value of an expression, of a promise what it becomes."""
        answer = self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def click(self, selector: str) -> None:
        """Press and release the left button on the middle of an element, where it lies on the screen."""
        quoted = json.dumps(selector)
        x, y = self.run(
            f"(e => {{ e.scrollIntoView({{block: 'center'}}); const r = e.getBoundingClientRect();"
            f" return [r.x + r.width / 2, r.y + r.height / 2]; }})(document.querySelector({quoted}))"
        )
        hit = self.run(f"document.querySelector({quoted}).contains(document.elementFromPoint({x}, {y}))")
        assert hit, f"{selector} is covered by something"
        for kind in ("mousePressed", "mouseReleased"):
            self.command("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def key(self, key: str, code: int, text: str = "") -> None:
        """Press a key where the focus is."""
        for kind in ("keyDown", "keyUp"):
            more = {"text": text} if text and kind == "keyDown" else {}
            self.command("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def shot(self, file: Path, *, whole: bool = True) -> None:
        """The page as a PNG."""
        data = self.command("Page.captureScreenshot", captureBeyondViewport=whole)["data"]
        file.write_bytes(base64.b64decode(data))

    def close(self) -> None:
        self.browser.command("Target.closeTarget", targetId=self.target)

    @property
    def errors(self) -> list[str]:
        """What scripts threw, and what the console was told as an error."""
        self.run("1")
        found = []
        for event in self.browser.events:
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(event["params"]["exceptionDetails"]))
            if event.get("method") == "Log.entryAdded" and event["params"]["entry"]["level"] == "error":
                found.append(event["params"]["entry"]["text"])
            if event.get("method") == "Runtime.consoleAPICalled" and event["params"]["type"] == "error":
                found.append(json.dumps(event["params"]["args"]))
        return found

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for, but the page itself and what it carries within."""
        self.run("1")
        asked = [
            e["params"]["request"]["url"] for e in self.browser.events if e.get("method") == "Network.requestWillBeSent"
        ]
        return [url for url in asked if url != self.file.as_uri() and not url.startswith("data:")]
