"""A studio that runs in a process of its own, and its page in Debian's Chromium: for tests and for figures."""

from __future__ import annotations

import base64
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

PATIENCE = float(os.environ.get('STUDIO_PATIENCE', 240))  # seconds: machines that run tests are often busy
TINY = ('model.iters_per_scale=2', 'model.generator.base_channels=4', 'model.discriminator.base_channels=4')


def find_chromium() -> str | None:
    """Debian's, or the one that ``CHROMIUM`` names."""
    return os.environ.get('CHROMIUM') or shutil.which('chromium')


@contextmanager
def open_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # its sandbox does not work for root
        arguments = ['--no-sandbox'] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=arguments)
        expect.set_options(timeout=PATIENCE * 1000)
        yield browser
        browser.close()


class StudioProcess:
    """``mmpe studio`` in a folder, on a port of its own that it keeps when it is started again."""

    def __init__(self, folder: Path, *sources: str, options: tuple[str, ...] = TINY, max_size: int = 40):
        self.folder, self.port = folder, 0
        self._sources, self._options, self._max_size = sources, options, max_size
        self.start()

    def start(self) -> None:
        command = [sys.executable, '-m', 'mmpe', 'studio', *self._sources, '--out', str(self.folder), '--no-browser']
        command += ['--port', str(self.port), '--max-size', str(self._max_size), '--threads', '1']
        self.process = subprocess.Popen(
            [*command, '--cfg-options', *self._options], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        for line in self.process.stdout:
            if found := re.search(r'http://[\w.]+:(\d+)/', line):
                self.address, self.port = found[0], int(found[1])
                return
        raise AssertionError('the studio has not started')

    def kill(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()
        self.process.stdout.close()


class StudioPage:
    """The page, with what one does there."""

    def __init__(self, browser: Browser, address: str, **options):
        options = dict(viewport=dict(width=1280, height=800), accept_downloads=True) | options
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE * 1000)
        self.page: Page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on('pageerror', lambda error: self.faults.append(f'uncaught: {error}'))
        self.page.on('console', lambda message: message.type == 'error' and self.faults.append(message.text))
        self.page.goto(address)

    def drop(self, content: bytes, name: str) -> None:
        """Drop a file on the page."""
        data = self.page.evaluate_handle(
            """([text, name]) => {
                const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
                const data = new DataTransfer();
                data.items.add(new File([bytes], name));
                return data;
            }""",
            [base64.b64encode(content).decode(), name],
        )
        self.page.dispatch_event('body', 'drop', dict(dataTransfer=data))

    def ready(self) -> None:
        """Wait until the picture can be played with."""
        expect(self.page.locator('[data-tool=points]')).to_be_enabled()
        self.page.locator('#stage canvas').wait_for()

    def tool(self, name: str) -> None:
        expect(self.page.locator(f'[data-tool={name}]')).to_be_enabled()
        self.page.click(f'[data-tool={name}]')

    def handle(self, name: str) -> Locator:
        return self.page.locator(f'[data-handle="{name}"]')

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where the center of a pixel of the shown picture is on the screen."""
        box = self.page.locator('#stage canvas').bounding_box()
        width = int(re.search(r'\d+x(\d+)$', self.page.locator('#name').text_content())[1])
        zoom = box['width'] / width
        return box['x'] + (x + 0.5) * zoom, box['y'] + (y + 0.5) * zoom

    def drag(self, start: tuple[float, float], end: tuple[float, float], steps: int = 5) -> None:
        """Drag by mouse, between pixels of the shown picture."""
        start, end = self.at(*start), self.at(*end)
        self.page.mouse.move(*start)
        self.page.mouse.down()
        self.page.mouse.move(*end, steps=steps)
        self.page.mouse.up()

    def drawn(self) -> None:
        """Wait until all images are drawn, and the frame that shows them."""
        expect(self.page.locator('#stage')).to_have_attribute('aria-busy', 'false')
        self.page.evaluate('() => new Promise((go) => requestAnimationFrame(() => requestAnimationFrame(go)))')

    def command(self) -> str:
        """The command that makes what is shown."""
        self.page.click('#open-take-away')
        text = self.page.locator('#take-away pre').first.text_content()
        self.page.click('#take-away [aria-label=Close]')
        return text

    def save(self, path: Path) -> Path:
        """Take the picture away."""
        self.page.click('#open-take-away')
        with self.page.expect_download() as download:
            self.page.click('#take-away .primary')
        download.value.save_as(path)
        self.page.click('#take-away [aria-label=Close]')
        return path

    def close(self) -> None:
        self.context.close()
