/* Contrast of each visible text of the figures with what lies behind it, as WCAG defines it: the lowest of each pair of colours.

   axe-core cannot tell what lies behind a word in front of an SVG. Here tints are laid over each other as the browser does it.
   Gives a list of [ratio, text, colour, background], the lowest first. */
() => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], back) => [r, g, b].map((value, k) => value * a + back[k] * (1 - a));
  const luminance = (color) => {
    const linear = color.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const ratio = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };
  const visible = (element) => element.getClientRects().length > 0;
  /* The boxes of HTML behind an element. */
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(rgba(getComputedStyle(at).backgroundColor));
    return layers.reduce((back, layer) => over(layer, back), [255, 255, 255]);
  };
  const filled = (mark) => {
    const style = getComputedStyle(mark);
    const [r, g, b, a] = rgba(style.fill === "none" ? "transparent" : style.fill);
    return [r, g, b, a * style.fillOpacity * style.opacity];
  };

  const found = new Map();
  const note = (text, color, back) => {
    const seen = over(color, back);
    const key = `${seen.map(Math.round)} on ${back.map(Math.round)}`;
    const [front, ground] = key.split(" on ");
    if (!found.has(key)) found.set(key, [Number(ratio(seen, back).toFixed(2)), text.trim().slice(0, 40), front, ground]);
  };

  for (const figure of document.querySelectorAll("figure.rx")) {
    const walker = document.createTreeWalker(figure, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const { data, parentElement: element } = walker.currentNode;
      if (!data.trim() || !visible(element) || element.closest("title")) continue;
      const style = getComputedStyle(element);
      const drawn = element instanceof SVGElement;
      const color = rgba(drawn ? style.fill : style.color);
      if (color[3] === 0) continue;
      let back = behind(drawn ? element.closest("svg").parentElement : element);
      const range = document.createRange();
      range.selectNodeContents(walker.currentNode);
      const { left, right, top, bottom } = range.getBoundingClientRect();
      const [x, y] = [(left + right) / 2, (top + bottom) / 2];
      const picture = element.closest(".P");
      if (picture)
        for (const mark of picture.querySelectorAll("rect")) {
          const box = mark.getBoundingClientRect();
          if (visible(mark) && box.left <= x && x <= box.right && box.top <= y && y <= box.bottom) back = over(filled(mark), back);
        }
      note(data, color, back);
    }
  }
  return [...found.values()].sort((a, b) => a[0] - b[0]);
}
