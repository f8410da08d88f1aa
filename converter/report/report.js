"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  /* The gallery: masks on and off, and only some classes. */
  const tools = document.querySelector(".tools");
  const gallery = document.querySelector(".gallery");
  if (tools && gallery) {
    const masks = document.getElementById("masks");
    const chips = all(".chip", tools);
    const seen = document.getElementById("seen");
    const pressed = (button) => button.getAttribute("aria-pressed") === "true";
    const press = (button, on) => button.setAttribute("aria-pressed", String(on));
    const show = () => {
      const wanted = new Set(chips.filter(pressed).map((chip) => chip.dataset.class));
      let shown = 0;
      for (const item of all("li", gallery)) {
        const has = wanted.size === 0 || item.dataset.classes.split(" ").some((id) => wanted.has(id));
        item.hidden = !has;
        shown += has;
        for (const layer of all(".layer", item)) layer.hidden = wanted.size > 0 && !wanted.has(layer.dataset.class);
      }
      gallery.classList.toggle("bare", !pressed(masks));
      seen.textContent = `${shown} ${shown === 1 ? "image" : "images"} shown`;
    };
    masks.addEventListener("click", () => { press(masks, !pressed(masks)); show(); });
    for (const chip of chips) chip.addEventListener("click", () => { press(chip, !pressed(chip)); show(); });
    const reset = document.getElementById("all");
    if (reset) reset.addEventListener("click", () => { for (const chip of chips) press(chip, false); show(); });
    tools.hidden = false;
  }

  /* Tables that can be sorted by any column. */
  for (const table of all("table.sortable")) {
    const heads = all("thead th", table);
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const numeric = head.classList.contains("number");
        const first = numeric ? "descending" : "ascending";
        const now = head.getAttribute("aria-sort");
        const next = now === null ? first : now === "ascending" ? "descending" : "ascending";
        for (const other of heads) other.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", next);
        const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
        const compare = numeric ? (a, b) => key(a) - key(b) : (a, b) => key(a).localeCompare(key(b));
        const body = table.tBodies[0];
        const rows = [...body.rows].sort(compare);
        body.append(...(next === "descending" ? rows.reverse() : rows));
      });
    });
  }
})();
