from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from edge.core.locker.model import StorageChanged, TimerFired
from edge.ports import DoorState, PulseReply
from tests.integration.browser import accessibility_findings, chromium, screenshot, small_targets
from tests.integration.screen.kiosk_world import KioskWorld
from tests.machine.playbook import hex_id
from tests.machine.visitors import book, courier_code, pickup_code
from tests.unit.edge.core.locker.test_pin import pin

pytestmark = pytest.mark.browser
KIOSK = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def world() -> Iterator[KioskWorld]:
    running = KioskWorld(book())
    yield running
    running.stop()


@pytest.fixture
def page(browser: Browser, world: KioskWorld) -> Iterator[Page]:
    opened = browser.new_page(viewport=KIOSK)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(world.url)
    opened.wait_for_selector("[data-step=idle]")
    yield opened
    opened.close()
    assert complaints == []


def wedge(page: Page, text: str) -> None:
    """What a scanner that poses as a keyboard does."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def looks_right(page: Page, step: str, name: str) -> None:
    page.wait_for_selector(f"[data-step={step}]")
    assert accessibility_findings(page) == []
    assert small_targets(page, 64) == []
    screenshot(page, name)


def test_kiosk_deposit_by_scan_from_courier_code_to_stored(page: Page, world: KioskWorld) -> None:
    looks_right(page, "idle", "kiosk-idle")
    wedge(page, courier_code(1))
    looks_right(page, "label", "kiosk-label")
    wedge(page, "PW001")
    looks_right(page, "opening", "kiosk-opening")
    world.board_says(PulseReply.ACKED)
    world.door(2, DoorState.OPEN)
    looks_right(page, "door_open", "kiosk-deposit")
    world.door(2, DoorState.CLOSED, occupied=True)
    page.get_by_text("Stored. Next parcel, please.").wait_for()
    page.get_by_role("button", name="Done").click()
    looks_right(page, "done", "kiosk-done")
    assert world.play.data("parcel_deposited")["parcel_id"] == "PW001"


def deposited(world: KioskWorld) -> None:
    held = {"parcel_id": "PW001", "compartment_no": 2, "visit_id": hex_id(1), "pickup_id": hex_id(31)}
    world.do(lambda play: play.given("parcel_deposited", pin_generation=0, pin_counter=0, **held))


def test_kiosk_collect_by_qr_in_german(page: Page, world: KioskWorld) -> None:
    deposited(world)
    page.get_by_role("button", name="Deutsch").click()
    wedge(page, pickup_code(2, 31))
    page.wait_for_selector("[data-step=opening]")
    world.board_says(PulseReply.ACKED)
    world.door(2, DoorState.OPEN)
    page.get_by_text("Nehmen Sie Ihr Paket und schließen Sie die Tür.").wait_for()
    looks_right(page, "door_open", "kiosk-collect-de")
    assert page.evaluate("document.documentElement.lang") == "de"
    world.door(2, DoorState.CLOSED, occupied=False)
    page.get_by_text("Vielen Dank!").wait_for()
    assert world.play.data("parcel_collected")["parcel_id"] == "PW001"


def test_kiosk_collect_by_keypad_alone(page: Page, world: KioskWorld) -> None:
    deposited(world)
    world.known_pickup = hex_id(31)
    for digit in pin(12345678):
        page.get_by_role("button", name=digit, exact=True).click()
    screenshot(page, "kiosk-pin")
    page.get_by_role("button", name="OK").click()
    page.wait_for_selector("[data-step=opening]")
    assert world.play.types()[:3] == ["pin_attempted", "pin_accepted", "visit_started"]


def test_kiosk_wrong_and_mistyped_pins_say_so_and_the_third_pauses(page: Page, world: KioskWorld) -> None:
    wedge(page, "123456789")
    page.get_by_text("A digit is wrong. Please look at the code again.").wait_for()
    for number in range(3):
        wedge(page, pin(number))
        page.wait_for_selector("[data-step=refused]")
    page.get_by_text("Too many wrong codes. Use your QR code, or wait.").wait_for()
    looks_right(page, "refused", "kiosk-refused")


def test_kiosk_door_that_did_not_open_offers_another_try(page: Page, world: KioskWorld) -> None:
    deposited(world)
    wedge(page, pickup_code(2, 31))
    page.wait_for_selector("[data-step=opening]")
    world.board_says(PulseReply.ACKED)
    authority_id = world.play.pulses()[-1].authority_id
    world.do(lambda play: play.when(TimerFired(f"open:{authority_id}")))
    looks_right(page, "retry", "kiosk-retry")
    page.get_by_role("button", name="Try again").click()
    page.wait_for_selector("[data-step=opening]")
    assert len(world.play.pulses()) == 2


def test_kiosk_closed_while_the_log_is_full_and_open_again_after(page: Page, world: KioskWorld) -> None:
    world.do(lambda play: play.when(StorageChanged(writable=False)))
    looks_right(page, "closed", "kiosk-closed")
    world.do(lambda play: play.when(StorageChanged(writable=True)))
    page.wait_for_selector("[data-step=idle]")


def test_kiosk_page_comes_back_by_itself_when_its_server_was_gone(page: Page, world: KioskWorld) -> None:
    world.stop()
    page.get_by_text("The screen has lost its locker").wait_for()
    assert accessibility_findings(page) == []
    world.start()
    page.wait_for_selector("[data-step=idle]")


def test_kiosk_hostile_barcode_types_no_commands(page: Page, world: KioskWorld) -> None:
    wedge(page, "x" * 3000)
    wedge(page, '"});alert(1)//')
    page.wait_for_selector("[data-step=refused]")
    assert world.play.pulses() == [] and page.evaluate("typeof window.axe") == "undefined"


def test_kiosk_page_fits_a_phone_and_a_portrait_screen(browser: Browser, world: KioskWorld) -> None:
    deposited(world)
    for name, size in (("phone", (390, 844)), ("portrait", (1080, 1920))):
        shown = browser.new_page(viewport={"width": size[0], "height": size[1]})
        shown.goto(world.url)
        shown.wait_for_selector("[data-step=idle]")
        assert shown.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        assert accessibility_findings(shown) == [] and small_targets(shown, 64) == []
        screenshot(shown, f"kiosk-{name}")
        shown.close()
