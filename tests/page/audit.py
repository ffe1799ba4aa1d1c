"""What a person with other eyes or hands would stumble over, found in the page as it stands at this moment."""

# Every visible piece of text with the colour behind it; WCAG 2.2's contrast (1.4.3) of both.
PALE = r"""
const parse = (c) => (c.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
const over = ([r, g, b, a = 1], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
function ground(element) {
  const layers = [];
  for (let e = element; e; e = e.parentElement) {
    const colour = parse(getComputedStyle(e).backgroundColor);
    layers.push(colour);
    if ((colour[3] ?? 1) === 1) break;
  }
  return layers.reverse().reduce((below, colour) => over(colour, below), [255, 255, 255]);
}
const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
function contrast(one, other) {
  const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
  return (a + 0.05) / (b + 0.05);
}
const root = document.querySelector('dialog[open]') ?? document.body;
const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
const found = [];
let looked = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  const text = walker.currentNode.textContent.trim();
  if (!text || element.closest('option, .for-ears, noscript, template') || !element.checkVisibility({visibilityProperty: true})) continue;
  if (element.closest(':disabled') || element.closest('label:has(:disabled)')) continue;  // as WCAG excepts
  const style = getComputedStyle(element);
  const grounds = [ground(element)];
  const bar = element.closest('.row')?.querySelector('.bar');  // text may lie on its bar too
  if (bar) grounds.push(parse(getComputedStyle(bar).backgroundColor));
  const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
  ++looked;
  for (const below of grounds) {
    const value = contrast(over(parse(style.color), below), below);
    if (value < (large ? 3 : 4.5)) found.push(`${text}: ${value.toFixed(2)}`);
  }
}
if (looked === 0) found.push('no text at all');
return found;
"""

SMALL = r"""
const root = document.querySelector('dialog[open]') ?? document.body;
const found = [];
for (const e of root.querySelectorAll('button, select, input')) {
  if (!e.checkVisibility()) continue;
  const {width, height} = (e.closest('label') ?? e).getBoundingClientRect();
  if (width < 24 || height < 24) found.push(`${e.id || e.className}: ${width} x ${height}`);
}
return found;
"""

CUT_OFF = r"""
const root = document.querySelector('dialog[open]') ?? document.body;
const found = [];
for (const e of root.querySelectorAll('button, p, h1, h2, select, dd')) {
  if (!e.checkVisibility() || e.closest('.for-ears')) continue;
  const {left, right} = e.getBoundingClientRect();
  if (left < -0.5 || right > innerWidth + 0.5 || e.scrollWidth > e.clientWidth + 1) found.push(e.id || e.className || e.textContent);
}
return found;
"""

CONTROLS = {"button", "checkbox", "switch", "slider", "textbox", "searchbox", "combobox", "listbox", "link", "dialog",
            "image", "img", "list", "progressbar", "progressIndicator", "Video"}


def tree(browser):
    """The accessibility tree, as a screen reader gets it: (role, name) of all that is not ignored."""
    nodes = browser.cdp("Accessibility.getFullAXTree")["nodes"]
    return [(n["role"]["value"], n.get("name", {}).get("value", "")) for n in nodes if not n["ignored"]]


def nameless(browser):
    """Roles of controls and pictures that have no name. A tree without a button would prove nothing."""
    found = tree(browser)
    if not any(role == "button" for role, _ in found):
        return ["there is no button at all"]
    # The lists of cards and classes are named by their headings or need none; the answers' lists carry a label.
    return [role for role, name in found if role in CONTROLS - {"list"} and not name.strip()]


def landmarks(browser):
    return sorted({role for role, _ in tree(browser)} & {"banner", "main", "contentinfo"})


def pale(browser):
    return browser.js("document.getAnimations().forEach((a) => a.finish());" + PALE)


def small_targets(browser):
    return browser.js(SMALL)


def cut_off(browser):
    return browser.js(CUT_OFF)


def by_axe(browser):
    """What axe-core calls a violation: rule and place."""
    browser.js("document.getAnimations().forEach((a) => a.finish())")
    result = browser.driver.execute_async_script("""
        const done = arguments[0];
        axe.run(document, {resultTypes: ['violations']}).then((r) => done({
          passes: r.passes.length,
          found: r.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target} ${n.failureSummary}`))}),
          (error) => done({passes: 0, found: [String(error)]}));""")
    return result["found"] if result["passes"] else result["found"] + ["axe looked at nothing"]
