"use strict";
// The table of all cases: unpacked in the page, filtered and sorted as an array of row numbers, shown a page at a time.
(async () => {
  const holder = document.getElementById("case-data");
  if (!holder) return;
  const byId = (id) => document.getElementById(id);
  const status = byId("case-status");
  if (typeof DecompressionStream === "undefined") {
    status.textContent = "This browser cannot unpack the table (no DecompressionStream); results.csv holds the same rows.";
    return;
  }
  const packed = Uint8Array.from(atob(holder.textContent.trim()), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  const n = data.post.length;
  const PAGE = 50;
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
  let rows = [], page = 0, sortBy = "", descending = false;
  const controls = ["find", "variant", "label", "outcome", "answer"].map((name) => byId("filter-" + name));
  const [find, ...selects] = controls;
  const fill = (select, names) => names.forEach((name) => select.add(new Option(name, name)));
  fill(byId("filter-variant"), data.variants);
  fill(byId("filter-label"), data.labels);
  fill(byId("filter-outcome"), data.outcomes);
  fill(byId("filter-answer"), [...data.labels]);

  const select = () => {
    const wanted = find.value.trim().toLowerCase();
    const on = selects.filter((s) => s.value).map((s) => [value[s.id.slice(7)], s.value]);
    const hit = new Map();
    const matches = (i) => {
      if (!wanted) return true;
      if (value.id(i).toLowerCase().includes(wanted) || value.answer(i).toLowerCase().includes(wanted)) return true;
      const post = data.post[i];
      if (!hit.has(post)) hit.set(post, (data.posts[post][2] || "").toLowerCase().includes(wanted));
      return hit.get(post);
    };
    rows = [];
    for (let i = 0; i < n; i++) if (on.every(([of, v]) => of(i) === v) && matches(i)) rows.push(i);
    if (sortBy) {
      const of = value[sortBy], sign = descending ? -1 : 1;
      rows.sort((a, b) => {
        const x = of(a), y = of(b);
        // Cases without an answer have no tokens: they go last, whichever way.
        if (x === null || y === null) return (x === null) - (y === null) || a - b;
        return sign * (typeof x === "number" ? x - y : collator.compare(x, y)) || a - b;
      });
    }
    page = 0;
    show();
  };

  const CLASSES = { right: "is-right", wrong: "is-wrong", "off-list": "is-off" };
  const cell = (text, left, name) => {
    const td = document.createElement("td");
    td.textContent = text;
    if (left) td.className = "left" + (name ? " " + name : "");
    return td;
  };
  const line = (term, text) => {
    const p = document.createElement("p");
    const b = document.createElement("strong");
    b.textContent = term + ": ";
    p.append(b, text);
    return p;
  };
  const open = (button, tr, i) => {
    const isOpen = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) return tr.nextSibling.remove();
    const more = document.createElement("tr"), td = document.createElement("td");
    more.className = "more";
    td.colSpan = 7;
    td.append(line("Answer", value.answer(i) || "none"));
    if (data.details[data.detail[i]]) td.append(line("Why", data.details[data.detail[i]]));
    td.append(line("Answered by", data.models[data.model[i]] || "nobody"));
    const text = data.posts[data.post[i]][2];
    if (text === undefined) td.append(line("Post", "its text is not part of this report"));
    else {
      const pre = document.createElement("pre");
      pre.tabIndex = 0;
      pre.textContent = text;
      td.append(line("Post, as it was asked about", ""), pre);
    }
    more.append(td);
    tr.after(more);
  };
  const show = () => {
    const body = byId("cases").tBodies[0];
    const from = page * PAGE, shown = rows.slice(from, from + PAGE);
    body.replaceChildren(...shown.map((i) => {
      const tr = document.createElement("tr"), first = document.createElement("td");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "open";
      button.textContent = value.id(i);
      button.setAttribute("aria-expanded", "false");
      button.addEventListener("click", () => open(button, tr, i));
      first.className = "left";
      first.append(button);
      const answer = value.answer(i), outcome = value.outcome(i);
      tr.append(first, cell(value.variant(i), true), cell(value.label(i), true),
        cell(answer.length > 70 ? answer.slice(0, 69) + "…" : answer, true, "answer"), cell(outcome, true, CLASSES[outcome] || "is-wrong"),
        cell(value.input(i) === null ? "–" : number.format(value.input(i))),
        cell(value.output(i) === null ? "–" : number.format(value.output(i))));
      return tr;
    }));
    const pages = Math.max(1, Math.ceil(rows.length / PAGE));
    status.textContent = `${number.format(rows.length)} of ${number.format(n)} cases, page ${page + 1} of ${pages}`;
    byId("page-back").disabled = page === 0;
    byId("page-on").disabled = page >= pages - 1;
  };

  let waiting = 0;
  find.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(select, 120); });
  selects.forEach((s) => s.addEventListener("change", select));
  byId("filter-clear").addEventListener("click", () => { controls.forEach((c) => { c.value = ""; }); select(); });
  byId("page-back").addEventListener("click", () => { page--; show(); });
  byId("page-on").addEventListener("click", () => { page++; show(); });
  document.querySelectorAll("#cases th button").forEach((button) => button.addEventListener("click", () => {
    const th = button.parentElement;
    descending = sortBy === button.dataset.by && !descending;
    sortBy = button.dataset.by;
    document.querySelectorAll("#cases th").forEach((other) => other.setAttribute("aria-sort", "none"));
    th.setAttribute("aria-sort", descending ? "descending" : "ascending");
    select();
  }));
  // A cell of a confusion matrix leads to its cases.
  document.querySelectorAll("button[data-variant]").forEach((button) => button.addEventListener("click", () => {
    find.value = "";
    byId("filter-variant").value = button.dataset.variant;
    byId("filter-label").value = button.dataset.label;
    byId("filter-answer").value = button.dataset.answer || "";
    byId("filter-outcome").value = button.dataset.outcome || "";
    select();
    byId("all-cases").scrollIntoView();
    byId("filter-variant").focus({ preventScroll: true });
  }));
  byId("case-controls").hidden = false;
  select();
})();
