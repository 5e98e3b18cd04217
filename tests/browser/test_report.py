from __future__ import annotations

import pytest

pytestmark = pytest.mark.browser

FRAME = "[...document.querySelectorAll('.screen')].map(e => e.style.getPropertyValue('--f'))"


def frames(page):
    return page.evaluate(FRAME)


def test_videos_play_and_pause(visit):
    page = visit(reduced_motion="no-preference")
    page.locator(".screen").first.scroll_into_view_if_needed()
    seen = set()
    for _ in range(200):  # the page's policy forbids what playwright would wait with
        seen.add(frames(page)[0])
        if len(seen) > 3:
            break
        page.wait_for_timeout(50)
    assert len(seen) > 3
    assert page.locator("#play").inner_text() == "Pause"
    page.locator("#play").click()
    stopped = frames(page)
    page.wait_for_timeout(400)
    assert frames(page) == stopped


def test_a_frame_shows_another_part_of_its_picture(visit):
    page = visit(reduced_motion="reduce")
    shot = page.locator(".screen").first
    first = shot.screenshot()
    page.locator("#frame").fill("5")
    assert set(frames(page)) == {"5"}
    assert shot.screenshot() != first
    page.locator("#frame").fill("0")
    assert shot.screenshot() == first


def test_nothing_moves_for_who_asked_for_that(visit):
    page = visit(reduced_motion="reduce")
    page.wait_for_timeout(400)
    assert set(frames(page)) == {"0"}
    assert page.locator("#play").inner_text() == "Play"


def test_key_frames_are_buttons_that_the_keyboard_reaches(visit):
    page = visit(reduced_motion="reduce")
    key = page.locator(".clip .key").nth(1)
    key.focus()
    page.keyboard.press("Enter")
    assert frames(page)[0] == key.get_attribute("data-frame")
    assert "key frame" in key.get_attribute("aria-label")


def test_a_timeline_is_one_tab_stop_and_arrows_go_on(visit):
    page = visit(reduced_motion="reduce")
    timeline = page.locator(".timeline:has(.key)").first
    keys = timeline.locator(".key")
    numbers = keys.evaluate_all("all => all.map(e => e.dataset.frame)")
    assert len(numbers) > 2
    assert keys.evaluate_all("all => all.filter(e => e.tabIndex === 0).length") == 1
    keys.first.focus()
    for key, number in (("ArrowRight", numbers[1]), ("End", numbers[-1]), ("ArrowRight", numbers[-1])):
        page.keyboard.press(key)
        assert page.evaluate("document.activeElement.dataset.frame") == number
        assert frames(page)[0] == page.locator("#frame").input_value() == number
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.timeline')") is None


def test_charts_tell_their_numbers(visit):
    page = visit()
    chart = page.locator(".chart").first
    assert chart.locator("td").first.is_hidden()
    chart.locator("summary").click()
    assert chart.locator("td").first.is_visible()


def test_a_phone_shows_whole_charts_in_letters_that_can_be_read(visit):
    page = visit(360)
    for summary in page.locator(".chart summary").all():
        summary.click()
    wide = "all => all.filter(e => e.scrollWidth > e.clientWidth).length"
    assert page.locator(".chart").evaluate_all(wide) == 0
    height = "all => all.map(e => e.getBoundingClientRect().height)"
    assert min(page.locator("svg .tick").evaluate_all(height)) > 10


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_theme_follows_the_system_and_toggles(visit, scheme):
    page = visit(color_scheme=scheme)

    def brightness():
        red, green, blue = page.evaluate(
            "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
        )
        return (red + green + blue) / 3

    assert (brightness() > 128) == (scheme == "light")
    page.locator("#theme").click()
    assert (brightness() > 128) == (scheme == "dark")
    page.locator("#theme").click()
    assert (brightness() > 128) == (scheme == "light")


@pytest.mark.parametrize(("column", "rising"), [(0, None), (2, [9.0, 70.0, 90.0]), (8, [9, 20, 100])])
def test_tables_sort_by_value_both_ways(visit, column, rising):
    page = visit()
    table = page.locator("table.sortable").first
    head = table.locator("thead th").nth(column)

    def values():
        cells = table.locator(f"tbody tr > :nth-child({column + 1})")
        if rising is None:
            return cells.all_inner_texts()
        return [float(value) for value in cells.evaluate_all("all => all.map(cell => cell.dataset.value)")]

    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    first = values()
    if rising is not None:
        assert first == rising
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert values() == first[::-1]


def test_a_hostile_name_is_shown_and_does_nothing(visit):
    page = visit()
    assert page.title() != "1"
    assert page.locator("img").count() == 0
    assert "onerror=" in page.locator("body").inner_text()


@pytest.mark.parametrize("width", [360, 1440])
def test_layout_holds(visit, width):
    page = visit(width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    outside = page.evaluate(
        """width => [...document.querySelectorAll("main *")].filter(e => {
            const box = e.getBoundingClientRect();
            const outside = box.right > width + 1 || box.left < -1;
            return outside && box.width > 0 && !e.closest(".scroll, pre, svg");
        }).map(e => e.outerHTML.slice(0, 80))""",
        width,
    )
    assert outside == []
    sides = page.locator(".screen").evaluate_all("all => all.map(e => e.getBoundingClientRect().width)")
    assert min(sides) >= 90


def test_works_without_a_script(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("#play").is_hidden()
    assert page.locator(".screen").count() == 4
    assert page.locator("table").count() >= 1
