"use strict";
// Long lists that can be searched, sorted and paged; charts that can be looked at closer.
(() => {
  const PER_PAGE = 50;
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  const short = (amount) => {
    for (const [size, word] of [[1e9, " bn"], [1e6, " M"], [1e3, " k"]]) {
      if (Math.abs(amount) >= size) {
        const scaled = amount / size;
        return (Math.abs(scaled) >= 100 ? whole.format(scaled) : String(Number(scaled.toPrecision(3)))) + word;
      }
    }
    return whole.format(amount);
  };
  const tenth = (value) => value.toLocaleString("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
  // the same texts as `content.shown` gives
  const shown = (value, unit, currency) => {
    if (value === null) return "–";
    switch (unit) {
      case "flag": return value ? "yes" : "no";
      case "month": return new Date(value + "T00:00:00Z").toLocaleString("en-US", { month: "short", year: "numeric", timeZone: "UTC" });
      case "count": return whole.format(value);
      case "rate": return (100 * value).toFixed(1) + " %";
      case "points": return (value < 0 ? "" : "+") + value.toFixed(1) + " points";
      case "days": return tenth(value).replace(/\.0$/, "") + (value === 1 ? " day" : " days");
      case "score": return value.toFixed(1).replace(/\.0$/, "");
      case "amount": return (short(value) + " " + currency).trimEnd();
      case "number": return value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 }).replace(/\.00$/, "");
      case "date": return value.slice(0, 10);
      default: return String(value);
    }
  };

  const compare = (a, b) => (typeof a === "number" ? a - b : String(a).localeCompare(String(b), "en"));

  const enliven = (list) => {
    const { units, currency, rows } = JSON.parse(list.querySelector(".rows").textContent);
    const body = list.querySelector("tbody");
    const heads = [...list.querySelectorAll("thead th")];
    const tools = list.querySelector(".tools");
    const pages = list.querySelector(".pages");
    const search = tools.querySelector("input");
    const texts = rows.map((row) => row.map((value, place) => shown(value, units[place], currency)));
    const searched = texts.map((cells) => cells.join("\n").toLocaleLowerCase("en"));
    let order = rows.map((_, place) => place);
    let page = 0;
    let sorted = null;

    const draw = () => {
      const last = Math.max(0, Math.ceil(order.length / PER_PAGE) - 1);
      page = Math.min(page, last);
      const part = order.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
      body.replaceChildren(...part.map((row) => {
        const line = document.createElement("tr");
        texts[row].forEach((text, place) => {
          const cell = document.createElement("td");
          cell.className = heads[place].className;
          cell.textContent = text;
          line.append(cell);
        });
        return line;
      }));
      tools.querySelector(".found").textContent = `${whole.format(order.length)} of ${whole.format(rows.length)} rows`;
      pages.querySelector(".place").textContent = `page ${page + 1} of ${last + 1}`;
      pages.querySelector(".before").disabled = page === 0;
      pages.querySelector(".after").disabled = page === last;
    };

    const choose = () => {
      const wanted = search.value.toLocaleLowerCase("en").split(/\s+/).filter(Boolean);
      order = rows.map((_, place) => place).filter((row) => wanted.every((word) => searched[row].includes(word)));
      if (sorted) {
        const { place, sign } = sorted;
        order.sort((a, b) => {
          const [left, right] = [rows[a][place], rows[b][place]];
          if (left === null || right === null) return (left === null) - (right === null) || a - b; // nothing goes last
          return sign * compare(left, right) || a - b;
        });
      }
      draw();
    };

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
        page = 0;
        choose();
      });
    });
    search.addEventListener("input", () => { page = 0; choose(); });
    pages.querySelector(".before").addEventListener("click", () => { page -= 1; draw(); });
    pages.querySelector(".after").addEventListener("click", () => { page += 1; draw(); });
    tools.hidden = false;
    pages.hidden = rows.length <= PER_PAGE;
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
      const label = still.map((node) => node.querySelector?.("svg")).find(Boolean).getAttribute("aria-label");
      place.setAttribute("role", "img");
      place.setAttribute("aria-label", label);
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
