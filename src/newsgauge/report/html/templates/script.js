"use strict";
// The table of cases: unpacked in the page, filtered and sorted as an array of row numbers, shown a page at a time.
// What is shown is the address: "#cases?variant=tuned&outcome=wrong&open=a-1", so links and Back work.
(async () => {
  const byId = (id) => document.getElementById(id);
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => {
    if (!part.closest(".limits")) part.open = true;
  }));
  const holder = byId("case-data");
  if (!holder) return;
  const status = byId("case-status");
  if (typeof DecompressionStream === "undefined") {
    status.textContent = "This browser cannot unpack the table (no DecompressionStream); results.csv holds the same rows.";
    return;
  }
  const packed = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  const n = data.post.length, PAGE = 50;
  for (let i = 1; i < n; i++) data.line[i] += data.line[i - 1];
  const value = {
    id: (i) => data.posts[data.post[i]][0],
    label: (i) => data.labels[data.posts[data.post[i]][1]],
    variant: (i) => data.variants[data.variant[i]],
    answer: (i) => data.answers[data.answer[i]],
    outcome: (i) => data.outcomes[data.outcome[i]],
    input: (i) => data.input[i],
    output: (i) => data.output[i],
  };
  const number = new Intl.NumberFormat("en");
  const collator = new Intl.Collator("en", { numeric: true });

  // The rows of a post, and what its variants answered to the baseline.
  const rowsOf = data.posts.map(() => []);
  for (let i = 0; i < n; i++) rowsOf[data.post[i]].push(i);
  const isRight = (i) => value.outcome(i) === "right";
  const before = (i) => (data.baseline[value.variant(i)] || {})[value.id(i)];
  const GROUPS = {
    "not right": (outcome) => outcome !== "right",
    error: (outcome) => ["blocked", "cut", "empty"].includes(outcome),
  };
  const ONLY = {
    "changed since the baseline": (i) => before(i) !== undefined,
    "variants disagree": (i) => new Set(rowsOf[data.post[i]].map(isRight)).size > 1,
    ...Object.fromEntries(data.variants.map((name) => [`only ${name} is right`, (i) =>
      rowsOf[data.post[i]].every((j) => isRight(j) === (value.variant(j) === name))])),
  };
  const NAMES = ["find", "variant", "label", "outcome", "answer", "only"];
  const controls = Object.fromEntries(NAMES.map((name) => [name, byId("filter-" + name)]));
  const fill = (name, options) => options.forEach((text) => controls[name].add(new Option(text, text)));
  fill("variant", data.variants);
  fill("label", data.labels);
  fill("outcome", [...data.outcomes, ...Object.keys(GROUPS)]);
  fill("answer", data.labels);
  fill("only", Object.keys(ONLY).filter((name, k) => k || Object.keys(data.baseline).length));

  // The state, as the address holds it.
  let state = {}, rows = [];
  const read = () => {
    const [, query] = location.hash.match(/^#cases\?(.*)$/) || [];
    return query === undefined ? null : Object.fromEntries(new URLSearchParams(query));
  };
  const write = (change, how = "pushState") => {
    state = { ...state, ...change };
    const kept = Object.entries(state).filter(([, text]) => text !== "" && text !== undefined);
    history[how](null, "", "#cases?" + kept.map(([k, v]) => `${k}=${encodeURIComponent(v)}`).join("&"));
    apply();
  };
  const apply = () => {
    NAMES.forEach((name) => { controls[name].value = state[name] || ""; });
    select();
    show();
  };
  const select = () => {
    const wanted = (state.find || "").trim().toLowerCase();
    const tests = ["variant", "label", "answer"].filter((name) => state[name]).map((name) => (i) => value[name](i) === state[name]);
    if (state.outcome) tests.push((i) => (GROUPS[state.outcome] || ((o) => o === state.outcome))(value.outcome(i)));
    if (ONLY[state.only]) tests.push(ONLY[state.only]);
    if (state.posts) tests.push((i) => value.id(i) === state.posts);
    // A link may ask what one variant has right, or another wrong, whatever the row's own variant is.
    for (const [key, wanted] of [["right", true], ["wrong", false]]) {
      const names = (state[key] || "").split(" ").filter(Boolean);
      names.forEach((name) => tests.push((i) => rowsOf[data.post[i]].some((j) => value.variant(j) === name && isRight(j) === wanted)));
    }
    const hit = new Map();
    const matches = (i) => {
      if (!wanted) return true;
      if (value.id(i).toLowerCase().includes(wanted) || value.answer(i).toLowerCase().includes(wanted)) return true;
      const post = data.post[i];
      if (!hit.has(post)) hit.set(post, (data.posts[post][2] || "").toLowerCase().includes(wanted));
      return hit.get(post);
    };
    rows = [];
    for (let i = 0; i < n; i++) if (tests.every((test) => test(i)) && matches(i)) rows.push(i);
    const [by, down] = (state.sort || "").split(" ");
    document.querySelectorAll("#cases > thead th").forEach((th) => th.setAttribute("aria-sort",
      th.firstChild.dataset.by !== by ? "none" : down ? "descending" : "ascending"));
    if (!value[by]) return;
    const of = value[by], sign = down ? -1 : 1;
    rows.sort((a, b) => {
      const x = of(a), y = of(b);
      // Cases without an answer have no tokens: they go last, whichever way.
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return sign * (typeof x === "number" ? x - y : collator.compare(x, y)) || a - b;
    });
  };

  const CLASSES = { right: "is-right", wrong: "is-wrong", "off-list": "is-off" };
  const make = (tag, text, name) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (name) element.className = name;
    return element;
  };
  const count = (x) => x === null ? "–" : number.format(x);
  const shortened = (text) => text.length > 70 ? text.slice(0, 69) + "…" : text;
  const cardOf = (i) => {
    const card = make("div", undefined, "card"), post = data.posts[data.post[i]], own = value.variant(i);
    card.append(make("p", `${value.id(i)}, label ${value.label(i)}`));
    const table = make("table"), head = make("tr");
    ["variant", "answer", "outcome", "at the baseline", "tokens in, out", "answered by, recorded in"].forEach((name) => {
      const th = make("th", name);
      th.scope = "col";
      head.append(th);
    });
    table.append(make("thead"), make("tbody"));
    table.tHead.append(head);
    rowsOf[data.post[i]].forEach((j) => {
      const tr = make("tr"), name = make("th"), variant = value.variant(j), detail = data.details[data.detail[j]];
      name.scope = "row";
      name.append(make(j === i ? "mark" : "span", variant));
      const said = make("td", value.answer(j) || "none", "said");
      if (detail) said.append(make("br"), make("span", detail, "muted"));
      const old = before(j), place = data.recordings[variant];
      tr.append(name, said, make("td", value.outcome(j), CLASSES[value.outcome(j)] || "is-wrong"),
        make("td", old !== undefined ? old : variant in data.baseline ? "unchanged" : "–"),
        make("td", `${count(data.input[j])}, ${count(data.output[j])}`, "tokens"),
        make("td", (data.models[data.model[j]] || "nobody") + (place ? ", " + place + (data.line[j] ? ":" + data.line[j] : "") : ""), "from"));
      table.tBodies[0].append(tr);
    });
    card.append(table);
    const asked = data.prompts[own];
    if (asked) {
      card.append(make("h3", `What ${own} was asked`));
      asked.forEach(([name, text]) => {
        const [start, end] = text.split("{post}");
        const pre = make("pre", end === undefined || post[2] === undefined ? text : start + post[2] + end);
        pre.tabIndex = 0;
        card.append(make("p", name, "muted"), pre);
      });
    }
    if (post[2] === undefined) card.append(make("p", "The text is not part of this report; results.csv and the recording know it by its id and digest.", "muted"));
    else if (!asked) {
      const pre = make("pre", post[2]);
      pre.tabIndex = 0;
      card.append(make("h3", "Text, as it was asked about"), pre);
    }
    const link = make("a", "link to this case");
    link.href = `#cases?posts=${encodeURIComponent(value.id(i))}&open=${encodeURIComponent(value.id(i) + " " + own)}`;
    card.append(link);
    return card;
  };
  const nameOf = (i) => `${value.id(i)} ${value.variant(i)}`;
  const rowOf = (i) => {
    const tr = make("tr"), first = make("td", undefined, "left"), button = make("button", value.id(i), "open");
    const isOpen = state.open === nameOf(i), answer = value.answer(i), outcome = value.outcome(i);
    button.type = "button";
    button.setAttribute("aria-expanded", String(isOpen));
    button.dataset.name = nameOf(i);
    button.addEventListener("click", () => {
      write({ open: isOpen ? "" : nameOf(i) });
      const again = [...document.querySelectorAll("#cases button.open")].find((one) => one.dataset.name === nameOf(i));
      if (again) again.focus();
    });
    first.append(button);
    tr.append(first, make("td", value.variant(i), "left"), make("td", value.label(i), "left"), make("td", shortened(answer), "left answer"),
      make("td", outcome, "left " + (CLASSES[outcome] || "is-wrong")), make("td", count(value.input(i))), make("td", count(value.output(i))));
    if (!isOpen) return [tr];
    const more = make("tr", undefined, "more"), td = make("td");
    td.colSpan = 7;
    td.append(cardOf(i));
    more.append(td);
    return [tr, more];
  };
  const show = () => {
    const pages = Math.max(1, Math.ceil(rows.length / PAGE)), page = Math.min(pages, Math.max(1, Number(state.page) || 1)) - 1;
    byId("cases").tBodies[0].replaceChildren(...rows.slice(page * PAGE, page * PAGE + PAGE).flatMap(rowOf));
    status.textContent = `${number.format(rows.length)} of ${number.format(n)} cases, page ${page + 1} of ${pages}`;
    byId("page-back").disabled = page === 0;
    byId("page-on").disabled = page >= pages - 1;
    byId("page-back").onclick = () => write({ page: page || "" });
    byId("page-on").onclick = () => write({ page: page + 2 });
  };

  let waiting = 0;
  controls.find.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => write({ find: controls.find.value, page: "", open: "" }, "replaceState"), 120);
  });
  NAMES.slice(1).forEach((name) => controls[name].addEventListener("change", () => write({ [name]: controls[name].value, page: "", open: "", posts: "", right: "", wrong: "" })));
  byId("filter-clear").addEventListener("click", () => { state = {}; write({}); });
  document.querySelectorAll("#cases > thead button").forEach((button) => button.addEventListener("click", () => {
    const by = button.dataset.by;
    write({ sort: state.sort === by ? by + " down" : by, page: "" });
  }));
  const follow = () => {
    const found = read();
    if (found === null) return;
    state = found;
    apply();
    byId("all-cases").scrollIntoView();
  };
  addEventListener("hashchange", follow);
  byId("case-controls").hidden = false;
  if (read() === null) { state = data.start; apply(); } else follow();
})();
