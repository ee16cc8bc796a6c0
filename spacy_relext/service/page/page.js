// The page of `relext serve`. The text is run once; the threshold decodes its record again, and the picture is made by the service.
// Offsets of the API count characters (code points); those of JavaScript's strings count UTF-16 units.

const part = id => document.getElementById(id);

// record: what the pipeline found, with the scores of all pairs. shown: the same at the chosen threshold.
// reading: unfinished. threshold: null where the pipeline's own is taken. pair: the ids of head and tail that are looked at; read: what was read for them.
const state = { record: null, shown: null, threshold: null, pair: null, read: null, place: null, reading: null, width: 0 };
const thresholds = JSON.parse(part("threshold").dataset.thresholds), colors = JSON.parse(part("threshold").dataset.colors);
const ownWords = part("at").textContent;
const WIDEST = 900, NARROWEST = 320, MOST_LISTED = 20, MOST_WORDS = 12, MOST_OPEN = 12, PAUSE = 80;

// ---- Asking the service

async function ask(path, body, signal) {
  let answer, said;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body), signal });
    said = await answer.json();
  } catch (error) {
    signal.throwIfAborted();
    throw new Error("The service does not answer. Is it still running?", { cause: error });
  }
  signal.throwIfAborted();
  if (!answer.ok) {
    const wait = answer.headers.get("Retry-After");
    throw new Error(`${said.error?.message ?? answer.statusText}${wait ? ` Try again in ${wait} s.` : ""}`);
  }
  return said;
}

let running = new AbortController();

// One thing at a time: what is begun later ends what is not finished.
async function act(words, task) {
  running.abort();
  const own = running = new AbortController();
  part("result").ariaBusy = "true";
  part("error").hidden = true;
  part("status").textContent = words;
  try {
    await task(own.signal);
  } catch (error) {
    if (own.signal.aborted) return;
    part("error").textContent = error.message;
    part("error").hidden = false;
    part("status").textContent = "";
  } finally {
    if (running === own) part("result").ariaBusy = "false";
  }
}

// mentions: those that are to be related; without, the pipeline finds them.
async function extract(text, mentions) {
  const reading = state.reading = act("Reading the text…", async signal => {
    const given = mentions ? { mentions: mentions.map(({ start, end, type, kb_id }) => ({ start, end, type, ...(kb_id && { kb_id }) })) } : {};
    const answer = await ask("/extract", { text, all_scores: true, ...given }, signal);
    [state.record] = answer.documents;
    closePair();
    await draw(signal);
    tellOverlapping();
  });
  await reading;
  if (state.reading === reading) state.reading = null;
}

async function draw(signal) {
  if (state.pair && !state.read) await look(signal);
  state.width = fitting();
  const body = { document: state.record, options: { width: state.width, colors } };
  if (state.threshold !== null) body.threshold = state.threshold;
  if (state.read?.words.length) body.attention = [state.read];
  const answer = await ask("/render", body, signal);
  state.shown = answer.document;
  const wasOpen = part("figure").querySelector("details")?.open;
  part("figure").innerHTML = answer.html;
  const table = part("figure").querySelector("details");
  if (table) table.open = wasOpen ?? answer.document.relations.length <= MOST_OPEN;
  show();
}

// The picture is made for the place that there is.
const fitting = () => Math.max(NARROWEST, Math.min(WIDEST, part("ask").clientWidth));

const redraw = () => act("Drawing…", draw);

// ---- What is shown beside the picture

const characters = text => Array.from(text);
const words = (start, end) => characters(state.record.text).slice(start, end).join("");
const mentionOf = id => state.record.mentions.find(mention => mention.id === id);
const nameOf = id => mentionOf(id).text;
const counted = (n, one, several) => `${n.toLocaleString("en")} ${n === 1 ? one : several}`;
const isBetween = ({ head, tail }, pair) => (head === pair.head && tail === pair.tail) || (head === pair.tail && tail === pair.head);
// The raw score that a label of a pair must reach: that of the model is shown, and the threshold may be that of a calibrated one.
function leastOf(pair, label) {
  const { own, steps } = thresholds[pair.source] ?? Object.values(thresholds)[0];
  return state.threshold === null ? own[label] : steps[label]?.[Math.round(100 * state.threshold)] ?? state.threshold;
}

function make(tag, content, attributes = {}) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...[content].flat());
  return made;
}

function show() {
  const { mentions, relations } = state.shown, pairs = state.record.pairs ?? [];
  const below = pairs.filter(pair => !relations.some(relation => isBetween(relation, pair)));
  part("status").textContent = [
    counted(mentions.length, "mention", "mentions"),
    counted(relations.length, "relation", "relations"),
    `${counted(below.length, "pair", "pairs")} without one`,
  ].join(", ") + ".";
  for (const id of ["result", "tuning", "correct", "mentions", "below", "copy"]) part(id).hidden = false;
  showChosen();
  showMentions(mentions);
  showBelow(below);
  const { pairs: _, ...record } = state.shown;
  part("json").querySelector("pre").textContent = JSON.stringify(record, null, 2);
}

function showMentions(mentions) {
  part("mentions").querySelector("summary").textContent = counted(mentions.length, "mention", "mentions");
  part("mentions").querySelector("ul").replaceChildren(...mentions.map(mention => make("li", make("button", `${mention.text} · ${mention.type} ✕`, {
    type: "button", ariaLabel: `Remove ${mention.text}, ${mention.type}`, onclick: () => correct(mentions.filter(other => other !== mention)),
  }))));
  const select = part("type"), known = new Set(Array.from(select.options, option => option.text));
  for (const type of new Set(mentions.map(mention => mention.type))) if (!known.has(type)) select.add(new Option(type));
}

function showBelow(pairs) {
  const best = pair => Object.entries(pair.scores).reduce((one, other) => (other[1] > one[1] ? other : one));
  const listed = pairs.map(pair => ({ pair, best: best(pair) })).sort((one, other) => other.best[1] - one.best[1]);
  const summary = `${counted(pairs.length, "pair", "pairs")} without a relation`;
  part("below").querySelector("summary").textContent = listed.length > MOST_LISTED ? `${summary}; the ${MOST_LISTED} nearest to one` : summary;
  part("below").querySelector("ul").replaceChildren(...listed.slice(0, MOST_LISTED).map(({ pair, best: [label, score] }) => make("li", make(
    "button", `${nameOf(pair.head)} → ${nameOf(pair.tail)}: ${label} ${score.toFixed(2)}`, { type: "button", onclick: () => openPair(pair) },
  ))));
}

// ---- A pair: the whole distribution, and what was read

function openPair({ head, tail }) {
  const scored = (state.record.pairs ?? []).filter(pair => isBetween(pair, { head, tail }));
  const names = Object.keys(thresholds), unscored = { head, tail, source: names.length > 1 ? names[0] : undefined };
  const exact = scored.find(pair => pair.head === head) ?? scored[0] ?? unscored;
  state.pair = { head, tail, asked: exact };
  state.read = null;
  showPair(scored);
  part("pair-name").focus();
  act("Looking up what was read…", draw);
}

// What was read for the pair that is looked at: the pipeline runs for it.
async function look(signal) {
  const { text, mentions } = state.record, { head, tail, source } = state.pair.asked;
  const answer = await ask("/attention", { document: { text, mentions }, head, tail, ...(source && { source }) }, signal);
  state.read = { head, tail, words: answer.attention };
  showRead(answer);
}

function closePair() {
  state.pair = state.read = null;
  part("pair").hidden = true;
}

function showPair(scored) {
  const { head, tail } = state.pair;
  part("pair-name").textContent = `${nameOf(head)} and ${nameOf(tail)}`;
  part("scores").replaceChildren(...scored.flatMap(pair => [
    make("p", `${nameOf(pair.head)} → ${nameOf(pair.tail)}${pair.source ? `, ${pair.source}` : ""}`),
    distribution(pair),
  ]));
  if (!scored.length) part("scores").append(make("p", "The two are no candidate pair of the pipeline: another component relates them."));
  part("words").replaceChildren();
  part("note").textContent = "";
  part("pair").hidden = false;
}

function distribution(pair) {
  const scores = Object.entries(pair.scores).sort((one, other) => other[1] - one[1]);
  if ("no_relation" in pair) scores.push(["no relation", pair.no_relation]);
  return make("ol", scores.map(([label, score]) => {
    const least = label in pair.scores ? leastOf(pair, label) : null;
    return bar(label, score, score, { tick: least, isReached: least !== null && score >= least });
  }), { className: "bars" });
}

function bar(name, share, value, { tick = null, isReached = false } = {}) {
  const filled = make("i", []), box = make("span", filled, { className: "bar", ariaHidden: "true" });
  filled.style.width = `${100 * share}%`;
  if (tick !== null) {
    const mark = box.appendChild(make("u", []));
    mark.style.left = `calc(${100 * tick}% - 1px)`;
  }
  return make("li", [make("span", name), box, make("data", value.toFixed(2), { value })], { className: isReached ? "reached" : "" });
}

function showRead({ attention, note }) {
  const read = attention.map(([start, end, weight]) => [words(start, end), weight]).sort((one, other) => other[1] - one[1]).slice(0, MOST_WORDS);
  part("words").replaceChildren(...read.map(([word, weight]) => bar(word, weight / (read[0][1] || 1), weight)));
  part("note").textContent = note ?? `The words with the most attention${attention.length > read.length ? `, ${read.length} of ${attention.length}` : ""}.`;
}

function showChosen() {
  if (!state.pair) return;
  showPairAgain();
  state.shown.relations.forEach((relation, i) => {
    if (isBetween(relation, state.pair)) part("figure").querySelectorAll(`tr.e${i}`).forEach(row => row.classList.add("chosen"));
  });
}

// At another threshold, other labels reach it.
function showPairAgain() {
  const lists = part("scores").querySelectorAll("ol");
  const scored = (state.record.pairs ?? []).filter(pair => isBetween(pair, state.pair));
  lists.forEach((list, i) => list.replaceWith(distribution(scored[i])));
}

// ---- Correcting mentions

const hasPlace = mention => state.place && mention.start === state.place.start && mention.end === state.place.end;

function correct(mentions) {
  choosePlace(null);
  extract(state.record.text, mentions);
}

// place: start and end of what is to be a mention, or is one; null: nothing is chosen.
function choosePlace(place, type) {
  state.place = place;
  part("mention").value = place ? words(place.start, place.end) : "";
  const there = state.record.mentions.find(hasPlace);
  if (type ?? there?.type) part("type").value = type ?? there.type;
  part("add").textContent = there ? "Change type" : "Add";
  part("remove").hidden = !there;
}

// The words of a paragraph of the picture; labels of arcs are in it as well.
function* wordsOf(paragraph) {
  const walker = document.createTreeWalker(paragraph, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest("svg")) yield walker.currentNode;
}

// The characters that are selected in the picture, without blanks at their ends; null where there are none.
function selected() {
  const selection = getSelection();
  if (!selection.rangeCount || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const paragraph = Array.from(part("figure").querySelectorAll(".T")).find(one => one.getClientRects().length && range.intersectsNode(one));
  if (!paragraph) return null;
  let at = 0, start = null, end = 0, whole = "";
  for (const node of wordsOf(paragraph)) {
    if (range.intersectsNode(node)) {
      start ??= at + (node === range.startContainer ? range.startOffset : 0);
      end = at + (node === range.endContainer ? range.endOffset : node.length);
    }
    at += node.length;
    whole += node.data;
  }
  // In markup, there is no NUL.
  const isWhole = whole === state.record.text.replaceAll("\0", "\ufffd");
  return start !== null && isWhole ? trimmed(whole, start, end) : null;
}

// start, end: UTF-16 units. RETURNS: characters.
function trimmed(text, start, end) {
  const chosen = text.slice(start, end), first = start + chosen.length - chosen.trimStart().length;
  if (!chosen.trim()) return null;
  return { start: characters(text.slice(0, first)).length, end: characters(text.slice(0, first + chosen.trim().length)).length };
}

// Where words stand that are written: the first place that is no mention yet.
function placeOf(written) {
  const { text, mentions } = state.record;
  for (let at = text.indexOf(written); at >= 0 && written; at = text.indexOf(written, at + 1)) {
    const place = trimmed(text, at, at + written.length);
    if (place && !mentions.some(mention => mention.start === place.start && mention.end === place.end)) return place;
  }
  return null;
}

// A pipeline whose mentions are entities takes one of those that overlap.
function tellOverlapping() {
  const { mentions, pairs } = state.record, paired = new Set(pairs.flatMap(({ head, tail }) => [head, tail]));
  const overlaps = (one, other) => one !== other && one.start < other.end && other.start < one.end;
  const left = mentions.filter(one => !paired.has(one.id) && mentions.some(other => overlaps(one, other)));
  if (!left.length) return;
  part("error").textContent = `In no pair, and overlapping with another mention: ${left.map(mention => `“${mention.text}”`).join(", ")}.`;
  part("error").hidden = false;
}

// ---- What a user does

part("ask").addEventListener("submit", event => {
  event.preventDefault();
  const example = event.submitter?.dataset.text;
  if (example !== undefined) part("text").value = example;
  extract(part("text").value);
});

// Once nothing more happens for a moment.
let pause;
function redrawSoon() {
  clearTimeout(pause);
  pause = setTimeout(() => state.reading || redraw(), PAUSE);
}

new ResizeObserver(() => state.shown && state.width !== fitting() && redrawSoon()).observe(part("ask"));

part("threshold").addEventListener("input", () => {
  state.threshold = Number(part("threshold").value);
  part("at").textContent = state.threshold.toFixed(2);
  part("own").disabled = false;
  redrawSoon();
});

part("own").addEventListener("click", () => {
  state.threshold = null;
  part("threshold").value = part("threshold").defaultValue;
  part("at").textContent = ownWords;
  part("own").disabled = true;
  redraw();
});

// The number in a class such as e12 of an element or one around it.
function numbered(element, letter) {
  const found = element.closest(`[class*="${letter}"]`)?.getAttribute("class").match(new RegExp(`(?:^| )${letter}(\\d+)`));
  return found ? Number(found[1]) : null;
}

part("figure").addEventListener("click", event => {
  if (!state.shown) return;
  const relation = event.target.closest(".e");
  const place = selected();
  if (relation) openPair(state.shown.relations[numbered(relation, "e")]);
  else if (place) choosePlace(place);
  else if (event.target.closest("b[class*=n]")) {
    const numbers = event.target.closest("b").className.match(/(?<=\bn)\d+/g).map(Number);
    const [inner] = numbers.map(number => state.shown.mentions[number]).sort((one, other) => one.end - one.start - other.end + other.start);
    choosePlace({ start: inner.start, end: inner.end }, inner.type);
  }
});

part("figure").addEventListener("keydown", event => {
  const row = event.target.closest("tr.e");
  if (!row || event.key !== "Enter" || !state.shown) return;
  event.preventDefault();
  openPair(state.shown.relations[numbered(row, "e")]);
});

document.addEventListener("selectionchange", () => {
  const place = state.record && !part("result").contains(document.activeElement?.closest("input, select")) ? selected() : null;
  if (place) choosePlace(place);
});

part("mention").addEventListener("input", () => {
  state.place = null;
  part("add").textContent = "Add";
  part("remove").hidden = true;
});

part("correct").addEventListener("submit", event => {
  event.preventDefault();
  const place = state.place ?? placeOf(part("mention").value.trim());
  if (!place) {
    part("error").textContent = `“${part("mention").value.trim()}” is not in the text, or is a mention already.`;
    part("error").hidden = false;
    return;
  }
  state.place = place;
  correct([...state.record.mentions.filter(mention => !hasPlace(mention)), { ...place, type: part("type").value }]);
});

part("remove").addEventListener("click", () => correct(state.record.mentions.filter(mention => !hasPlace(mention))));
part("found").addEventListener("click", () => extract(state.record.text));

part("close").addEventListener("click", () => {
  const chosen = part("figure").querySelector("tr.chosen");
  closePair();
  redraw();
  (chosen?.checkVisibility() ? chosen : part("figure").querySelector("summary") ?? part("below").querySelector("summary")).focus();
});

part("pair").addEventListener("keydown", event => event.key === "Escape" && part("close").click());

part("copy").addEventListener("click", async () => {
  const shown = part("json").querySelector("pre");
  part("json").open = true;
  try {
    await navigator.clipboard.writeText(shown.textContent);
    part("status").textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(shown);
    part("status").textContent = "The browser does not let the page copy. The JSON is selected: copy it by the keyboard.";
  }
});

if (part("text").value.trim() && !part("result").hidden) extract(part("text").value);
