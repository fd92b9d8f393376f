"use strict";
// Long lists that can be searched, sorted and paged; charts that can be looked at closer.
(() => {
  const PER_PAGE = 50;
  const MOST_CHOICES = 12;
  const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
  const MEASURES = ["count", "rate", "points", "amount", "days", "score", "number"];
  const numerals = [0, 1, 2].map((digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  const whole = numerals[0];
  // the same texts as the page's own cells have
  const shown = (value, { unit, decimals }) => {
    if (value === null) return "–";
    if (unit === "month") return `${MONTHS[value.slice(5) - 1]} ${value.slice(0, 4)}`;
    if (!MEASURES.includes(unit)) return value;
    const sign = unit === "points" && value >= 0 ? "+" : "";
    return sign + numerals[decimals].format(value) + (unit === "rate" ? " %" : "");
  };

  const byName = new Intl.Collator("en");
  const compare = (a, b) => (typeof a === "number" ? a - b : byName.compare(a, b));

  // of a column of few texts: all of them, or one
  const chooser = (label, values, changed) => {
    const choice = document.createElement("select");
    choice.setAttribute("aria-label", label); // else its name were that of all choices
    for (const value of ["", ...values]) {
      const option = document.createElement("option");
      option.value = value;
      option.textContent = value || "all";
      choice.append(option);
    }
    choice.addEventListener("change", changed);
    const named = document.createElement("label");
    named.append(`${label} `, choice);
    return [named, choice];
  };

  const enliven = (list) => {
    const { columns, rows } = JSON.parse(list.querySelector(".rows").textContent);
    const body = list.querySelector("tbody");
    const heads = [...list.querySelectorAll("thead th")];
    const tools = list.querySelector(".tools");
    const pages = list.querySelector(".pages");
    const search = tools.querySelector("input");
    const texts = (row) => rows[row].map((value, place) => shown(value, columns[place]));
    let searched = null; // made when somebody searches: a list may be long
    let order = rows.map((_, place) => place);
    let page = 0;
    let sorted = null;

    const draw = () => {
      const last = Math.max(0, Math.ceil(order.length / PER_PAGE) - 1);
      page = Math.min(page, last);
      const part = order.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
      body.replaceChildren(...part.map((row) => {
        const line = document.createElement("tr");
        texts(row).forEach((text, place) => {
          const cell = document.createElement("td");
          cell.className = columns[place].side;
          cell.textContent = text;
          line.append(cell);
        });
        return line;
      }));
      tools.querySelector(".found").textContent = `${whole.format(order.length)} of ${whole.format(rows.length)} rows`;
      pages.querySelector(".place").textContent = `page ${whole.format(page + 1)} of ${whole.format(last + 1)}`;
      pages.querySelector(".before").disabled = page === 0;
      pages.querySelector(".after").disabled = page === last;
      pages.hidden = last === 0;
    };

    const choose = () => {
      const wanted = search.value.toLocaleLowerCase("en").split(/\s+/).filter(Boolean);
      if (wanted.length) searched ??= rows.map((_, row) => texts(row).join("\n").toLocaleLowerCase("en"));
      const chosen = choosers.filter(([, choice]) => choice.value).map(([place, choice]) => [place, choice.value]);
      order = rows.map((_, place) => place).filter((row) =>
        chosen.every(([place, value]) => rows[row][place] === value) && wanted.every((word) => searched[row].includes(word)));
      if (sorted) {
        const { place, sign } = sorted;
        order.sort((a, b) => {
          const [left, right] = [rows[a][place], rows[b][place]];
          if (left === null || right === null) return (left === null) - (right === null) || a - b; // nothing goes last
          return sign * compare(left, right) || a - b;
        });
      }
      page = 0;
      draw();
    };

    const choosers = [];
    columns.forEach(({ unit }, place) => {
      if (unit !== "text" && unit !== "flag") return;
      const values = new Set();
      for (const row of rows) {
        if (row[place] !== null) values.add(row[place]);
        if (values.size > MOST_CHOICES) return;
      }
      if (values.size < 2) return;
      const [named, choice] = chooser(heads[place].textContent, [...values].sort(byName.compare), choose);
      tools.insertBefore(named, tools.querySelector(".found"));
      choosers.push([place, choice]);
    });

    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const sign = sorted && sorted.place === place ? -sorted.sign : 1;
        sorted = { place, sign };
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
        choose();
      });
    });
    search.addEventListener("input", choose);
    pages.querySelector(".before").addEventListener("click", () => { page -= 1; draw(); });
    pages.querySelector(".after").addEventListener("click", () => { page += 1; draw(); });
    tools.hidden = false;
    list.querySelectorAll(".without-script").forEach((said) => { said.hidden = true; });
    draw();
  };

  const coloured = (text) => {
    const style = getComputedStyle(document.documentElement);
    const colours = JSON.parse(document.getElementById("colours").textContent);
    return text.replace(/#[0-9a-f]{6}/g, (colour) => (colour in colours ? style.getPropertyValue(colours[colour].slice(4, -1)).trim() : colour));
  };

  const bringCloser = (figure) => {
    const button = figure.querySelector(".closer");
    const drawn = figure.querySelector(".drawn");
    const still = [...drawn.childNodes];
    const isDark = matchMedia("(prefers-color-scheme: dark)");
    let view = null;
    const back = () => {
      if (!view) return;
      view.finalize();
      view = null;
      drawn.replaceChildren(...still);
      button.textContent = "Look closer";
      button.setAttribute("aria-pressed", "false");
    };
    button.hidden = false;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", async () => {
      if (view) return back();
      const spec = JSON.parse(coloured(figure.querySelector(".specification").textContent));
      if ("width" in spec) spec.width = Math.max(240, Math.min(drawn.clientWidth - 8, 960));
      const place = document.createElement("div");
      const label = still.map((node) => node.querySelector?.("svg")).find(Boolean).getAttribute("aria-labelledby");
      place.setAttribute("role", "img");
      place.setAttribute("aria-labelledby", label);
      drawn.replaceChildren(place);
      const made = await window.vegaEmbed(place, spec, { ast: true, actions: false, renderer: "svg", tooltip: { theme: isDark.matches ? "dark" : "light" } });
      view = made.view;
      button.textContent = "Back to the still picture";
      button.setAttribute("aria-pressed", "true");
    });
    addEventListener("beforeprint", back);
    isDark.addEventListener("change", back);
  };

  document.querySelectorAll(".list").forEach((list) => { if (list.querySelector(".rows")) enliven(list); });
  if (document.querySelector(".specification")) {
    addEventListener("load", () => document.querySelectorAll("figure").forEach((figure) => { if (figure.querySelector(".specification")) bringCloser(figure); }));
  }
})();
