/* What is wrong with the pictures of a page, as far as their places on the screen can tell.

   expected: of each figure its text, its mentions (begin and end), and the number of its relations.
   Gives what was found (a list of [check, number of the figure, what]) and how many words, labels, arcs and relations were looked at.
   Distances are in pixels of the screen, but for zoomed pictures, where the tolerance shrinks with them. */
(expected) => {
  const found = [];
  const looked = { words: 0, labels: 0, arcs: 0, drawn: 0, folded: 0 };
  const visible = (element) => element.getClientRects().length > 0;
  const one = (name, root) => [...root.querySelectorAll(name)].find(visible);
  const all = (name, root) => [...root.querySelectorAll(name)].filter(visible);
  const overlap = (a, b, by) => a.left < b.right - by && b.left < a.right - by && a.top < b.bottom - by && b.top < a.bottom - by;
  const numbered = (element, letter) => [...element.classList].filter((c) => RegExp(`^${letter}\\d+$`).test(c)).map((c) => c.slice(1));

  /* Words as they are seen: ink, not boxes. Where the text is transparent, the SVG draws the word. Folded lines show none. */
  const wordsOf = (picture) => {
    const words = [];
    const walker = document.createTreeWalker(one(".T", picture), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement instanceof SVGElement || getComputedStyle(node.parentElement).color === "rgba(0, 0, 0, 0)") continue;
      for (const match of node.data.matchAll(/\S+/g)) {
        const range = document.createRange();
        range.setStart(node, match.index);
        range.setEnd(node, match.index + match[0].length);
        const ink = range.getBoundingClientRect();
        const block = node.parentElement.closest(".B").getBoundingClientRect();
        if (ink.width > 0 && ink.bottom < block.bottom + 6) words.push({ text: match[0], ink });
      }
    }
    for (const text of all("text.S", picture)) words.push({ text: text.textContent, ink: text.getBoundingClientRect() });
    return words;
  };

  /* Words by the line that they stand in, each line from left to right. */
  const linesOf = (words) => {
    const lines = [];
    const middle = (word) => (word.ink.top + word.ink.bottom) / 2;
    for (const word of [...words].sort((a, b) => middle(a) - middle(b))) {
      const last = lines.at(-1);
      if (last && middle(word) - middle(last[0]) < 8) last.push(word);
      else lines.push([word]);
    }
    return lines.map((line) => line.sort((a, b) => a.ink.left - b.ink.left));
  };

  /* Of each mention the ink of its words, each with the box that it is in. Missing glyphs may be narrower than the box. */
  const inksOf = (picture, mentions) => {
    const nodes = [];
    const walker = document.createTreeWalker(one(".T", picture), NodeFilter.SHOW_TEXT);
    for (let at = 0; walker.nextNode(); at += walker.currentNode.length) nodes.push([at, walker.currentNode]);
    return mentions.map(([start, end]) => {
      const inks = [];
      for (const [at, node] of nodes) {
        const part = node.data.slice(Math.max(0, start - at), Math.max(0, end - at));
        if (!part.trim()) continue;
        const begin = Math.max(0, start - at) + part.length - part.trimStart().length;
        const range = document.createRange();
        range.setStart(node, begin);
        range.setEnd(node, begin + part.trim().length);
        inks.push([range.getBoundingClientRect(), node.parentElement.getBoundingClientRect()]);
      }
      return inks;
    });
  };

  const labelsOf = (picture) =>
    all(".l", picture).map((label) => {
      const [rect, text] = [label.querySelector("rect"), label.querySelector("text")];
      const box = (rect ?? text).getBoundingClientRect();
      return { arcs: label.parentNode, box, ink: text.getBoundingClientRect(), text: text.textContent };
    });

  expected.forEach(({ text, mentions, relations }, number) => {
    const tell = (check, what) => found.push([check, number, what]);
    const figure = document.querySelectorAll("figure.rx")[number];
    const picture = one(".P", figure);
    const zoom = picture.currentCSSZoom || 1;
    const words = wordsOf(picture);
    const labels = labelsOf(picture);
    const lines = linesOf(words);
    const arcs = all(".v", picture);
    looked.words += words.length;
    looked.labels += labels.length;
    looked.arcs += arcs.length;

    for (const [k, label] of labels.entries()) {
      for (const other of labels.slice(k + 1))
        if (overlap(label.box, other.box, 0.5)) tell("labels overlap", `${label.text} | ${other.text}`);
      for (const word of words) {
        const { left, right, top, bottom } = word.ink;
        if (overlap(label.box, { left, right, top: top + 4, bottom: bottom - 4 }, 0.5)) tell("label over text", `${label.text} | ${word.text}`);
      }
      if (label.ink.width > label.box.width + 1) tell("label wider than its box", label.text);
      const frame = picture.getBoundingClientRect();
      if (label.box.left < frame.left - 1 || label.box.right > frame.right + 1) tell("label outside the picture", label.text);
    }

    for (const arc of arcs) {
      const matrix = arc.getScreenCTM();
      const seen = new Set();
      for (let at = 0, length = arc.getTotalLength(); at <= length; at += 2) {
        const point = arc.getPointAtLength(at);
        const [x, y] = [point.x * matrix.a + matrix.e, point.y * matrix.d + matrix.f];
        for (const label of labels) {
          const { box, ink } = label;
          if (label.arcs !== arc.parentNode && x > ink.left + 1 && x < ink.right - 1 && y > box.top + 1 && y < box.bottom - 1) seen.add(label);
        }
        for (const line of lines) {
          if (y < line[0].ink.top - 20 || y > line[0].ink.bottom + 20) continue;
          for (const word of line) {
            const { left, right, top, bottom } = word.ink;
            if (x > left + 1 && x < right - 1 && y > top + 5 * zoom && y < bottom - 3) seen.add(word);
          }
        }
      }
      for (const hit of seen) tell(hit.box ? "arc through label" : "arc through text", hit.text);
    }

    for (const line of lines)
      for (const [k, word] of line.slice(1).entries()) {
        const over = line[k].ink.right - word.ink.left;
        if (over > 1) tell("ink overlaps", `${line[k].text} | ${word.text}: ${over.toFixed(1)} px`);
      }

    /* The browser's lines are those of the layout: a spacer before each. */
    const tops = new Set(
      all(".T b", picture).map((box) => box.getBoundingClientRect()).filter((box) => box.height > 0).map((box) => Math.round(box.top / 6)),
    );
    const spacers = all(".T i", picture).length;
    if (tops.size > spacers) tell("lines break otherwise", `${tops.size} lines, ${spacers} spacers`);

    const inks = inksOf(picture, mentions);
    for (const mark of all("rect.m", picture)) {
      const box = mark.getBoundingClientRect();
      const mention = Number(numbered(mark, "m")[0]);
      const here = inks[mention].filter(([ink]) => ink.top < box.bottom && box.top < ink.bottom);
      const fits = [0, 1].some((which) => {
        const left = Math.min(...here.map((boxes) => boxes[which].left));
        const right = Math.max(...here.map((boxes) => boxes[which].right));
        const low = here.some(([, word]) => word.height > 0 && Math.abs(word.top + 3 - box.top) > 3);
        return !low && Math.abs(left - box.left) <= 5 && Math.abs(right - box.right) <= (which ? 9 : 5);
      });
      if (!fits) tell("mention beside its words", text.slice(...mentions[mention]));
    }

    const ways = new Set(all(".e", picture).flatMap((way) => numbered(way, "e")));
    const more = all("a", picture).find((link) => /^\+ [\d,]+ more/.test(link.textContent));
    const folded = more ? Number(more.textContent.replace(/\D/g, "")) : 0;
    looked.drawn += ways.size;
    looked.folded += folded;
    if (ways.size + folded !== relations) tell("relations missing", `${ways.size} drawn + ${folded} folded of ${relations}`);

    const selection = getSelection();
    selection.selectAllChildren(figure);
    const copied = selection.toString();
    selection.removeAllRanges();
    if (copied !== text) {
      let at = 0;
      while (at < text.length && copied[at] === text[at]) at++;
      tell("copied text differs", [copied, text].map((some) => JSON.stringify(some.slice(Math.max(0, at - 10), at + 20))).join(" for "));
    }

    const details = figure.querySelector("details");
    if (details && relations) {
      details.open = true;
      for (const row of [...details.querySelectorAll("tr[class~=e]")].slice(0, 3)) {
        const [relation] = numbered(row, "e");
        const way = one(`.e${relation}`, picture);
        if (!way) continue;
        const marks = numbered(row, "a").flatMap((mention) => all(`rect.m${mention}`, picture));
        const looks = () => [getComputedStyle(way).stroke, ...marks.map((mark) => getComputedStyle(mark).fillOpacity)];
        const before = looks();
        row.focus();
        const after = looks();
        row.blur();
        if (before.some((look, k) => look === after[k])) tell("focus lights nothing up", row.textContent);
      }
      details.open = false;
    }
  });

  for (const details of document.querySelectorAll("details")) details.open = true;
  const { scrollWidth, clientWidth } = document.documentElement;
  if (scrollWidth > clientWidth) found.push(["scrolls sideways", 0, `${scrollWidth - clientWidth} px`]);
  return { found, looked };
}
