/** WCAG contrast of every text that is drawn, against what lies behind it; the failures. Runs in the page. */
export const POOR_CONTRAST = `(() => {
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const read = (text) => { const n = text.match(/[\\d.]+/g)?.map(Number) ?? []; return n.length > 3 && n[3] === 0 ? undefined : n.slice(0, 3); };
  const behind = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const colour = read(getComputedStyle(e).backgroundColor);
      if (colour) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim() !== '');
    if (!own || element.closest('svg.graph') || !element.getClientRects().length) continue;
    const style = getComputedStyle(element);
    const ink = read(element instanceof SVGElement ? style.fill : style.color);
    if (!ink) continue;
    const [a, b] = [light(ink), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(element.tagName + ' ' + element.textContent.trim().slice(0, 30) + ' ' + ratio.toFixed(2));
  }
  return poor;
})()`;

/** Controls and scrolling regions without a name, and headings that skip a level. */
export const UNNAMED = `(() => {
  const name = (e) => e.getAttribute('aria-label') || e.getAttribute('aria-labelledby') || e.textContent.trim();
  const nameless = [...document.querySelectorAll('a, button, summary, [tabindex], svg, section, nav')].filter((e) => !name(e)).map((e) => e.outerHTML.slice(0, 80));
  const levels = [...document.querySelectorAll('h1, h2, h3')].map((e) => Number(e.tagName[1]));
  const skips = levels.filter((level, i) => level > (levels[i - 1] ?? 0) + 1).map((level) => 'h' + level);
  return [...nameless, ...skips];
})()`;
