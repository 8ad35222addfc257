// What a page can do more with a script: completion, zoom, one stop at a time, theme, copying a link.
// Pages work without it. Nothing here makes markup out of text.
"use strict";
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (text) => { one("#said").textContent = text; };

  function remembered(key, value) {
    try {
      if (value !== undefined) localStorage.setItem(key, value);
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  function theme() {
    const root = document.documentElement;
    const button = one("#theme");
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const show = () => {
      const now = root.dataset.theme || (dark.matches ? "dark" : "light");
      button.textContent = now === "dark" ? "☀ Light" : "☾ Dark";
      button.dataset.to = now === "dark" ? "light" : "dark";
    };
    const kept = remembered("skoop-theme");
    if (kept === "dark" || kept === "light") root.dataset.theme = kept;
    button.hidden = false;
    button.addEventListener("click", () => {
      root.dataset.theme = button.dataset.to;
      remembered("skoop-theme", button.dataset.to);
      show();
    });
    dark.addEventListener("change", show);
    show();
  }

  // A combobox with a listbox, as the ARIA Authoring Practices describe it.
  function complete(input, number) {
    const list = document.createElement("ul");
    list.className = "choices";
    list.id = `choices-${number}`;
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", "Names that fit");
    input.after(list);
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-controls": list.id, "aria-expanded": "false",
    })) input.setAttribute(name, value);
    let chosen = -1;
    let asked = 0;
    let waiting = 0;

    const options = () => all("[role=option]", list);
    const close = () => {
      asked += 1;
      clearTimeout(waiting);
      list.hidden = true;
      list.removeAttribute("aria-busy");
      chosen = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    };
    const choose = (position) => {
      const found = options();
      if (!found.length) return;
      chosen = (position + found.length) % found.length;
      found.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
      found[chosen].scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", found[chosen].id);
    };
    const take = (text) => {
      input.value = text;
      close();
      input.dispatchEvent(new Event("change", { bubbles: true }));
    };
    const show = (found) => {
      list.replaceChildren();
      found.names.forEach((name, at) => {
        const option = document.createElement("li");
        option.id = `${list.id}-${at}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.textContent = name;
        option.addEventListener("mousedown", (event) => { event.preventDefault(); take(name); });
        list.append(option);
      });
      if (found.more) {
        const more = document.createElement("li");
        more.className = "more";
        more.setAttribute("role", "presentation");
        more.textContent = "… and more: type a part of the name";
        list.append(more);
      }
      chosen = -1;
      list.removeAttribute("aria-busy");
      list.hidden = !found.names.length;
      input.setAttribute("aria-expanded", String(!list.hidden));
      say(found.more ? "more than 50 names fit" : `${found.names.length} names fit`);
    };
    const ask = async () => {
      const turn = ++asked;
      const words = input.dataset.complete === "ports"
        ? { d: one("[name=d]", input.form).value } : { q: input.value };
      try {
        const answer = await fetch(`${input.dataset.complete}?${new URLSearchParams(words)}`);
        const found = await answer.json();
        if (turn === asked && document.activeElement === input) show(found);
      } catch {
        close();
      }
    };
    // What is listed no longer fits what is typed: nothing can be chosen until the answer is there.
    const soon = () => {
      list.setAttribute("aria-busy", "true");
      chosen = -1;
      input.removeAttribute("aria-activedescendant");
      clearTimeout(waiting);
      waiting = setTimeout(ask, 120);
    };
    input.addEventListener("input", soon);
    input.addEventListener("focus", () => { if (!input.value) soon(); });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.getAttribute("aria-busy")) return;
        if (list.hidden) ask();
        else choose(event.key === "ArrowDown" ? chosen + 1 : chosen < 0 ? -1 : chosen - 1);
      } else if (event.key === "Enter" && !list.hidden && chosen >= 0) {
        event.preventDefault();
        take(options()[chosen].textContent);
      } else if (event.key === "Escape" && !list.hidden) {
        event.preventDefault();
        close();
      }
    });
  }

  function question(form) {
    all("#swap", form).forEach((swap) => {
      swap.hidden = false;
      swap.addEventListener("click", () => {
        const [source, destination] = ["s", "d"].map((name) => one(`[name=${name}]`, form));
        [source.value, destination.value] = [destination.value, source.value];
      });
    });
    // An address without what was left empty is one that people can read.
    form.addEventListener("submit", () => {
      all("input, select", form).forEach((field) => {
        if (!field.value || (field.name === "protocol" && field.value === "tcp")) field.disabled = true;
      });
    });
    addEventListener("pageshow", () => all("input, select", form).forEach((field) => { field.disabled = false; }));
    const source = one("[name=s]", form);
    if (source && !source.value) source.focus();
  }

  function picture(figure) {
    const canvas = one(".canvas", figure);
    const svg = one("svg", canvas);
    const [width, height] = [svg.viewBox.baseVal.width, svg.viewBox.baseVal.height];
    let scale = 1;
    const zoom = (wanted) => {
      scale = Math.min(4, Math.max(0.2, wanted));
      svg.setAttribute("width", Math.round(width * scale));
      svg.setAttribute("height", Math.round(height * scale));
      one("[data-zoom=now]", figure).textContent = `${Math.round(scale * 100)} %`;
    };
    const fit = () => zoom(Math.min(1, canvas.clientWidth / width));
    const acts = { in: () => zoom(scale * 1.25), out: () => zoom(scale / 1.25), fit, whole: () => zoom(1) };
    one(".tools", figure).hidden = false;
    all("button[data-zoom]", figure).forEach((button) => button.addEventListener("click", acts[button.dataset.zoom]));
    canvas.addEventListener("keydown", (event) => {
      const act = { "+": "in", "=": "in", "-": "out", 0: "whole", f: "fit" }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      acts[act]();
    });
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(scale * (event.deltaY < 0 ? 1.1 : 1 / 1.1));
    }, { passive: false });
    fit();
  }

  // One stop at a time: the one that the address names; what the page marks as the end, until then.
  function stops(holder) {
    const panels = all(".panel", holder);
    const doors = all(".picture a, .stops a");
    const show = (id, move) => {
      const panel = panels.find((candidate) => candidate.id === id);
      if (!panel) return;
      panels.forEach((candidate) => { candidate.hidden = candidate !== panel; });
      doors.forEach((door) => {
        if (door.getAttribute("href") === `#${id}`) door.setAttribute("aria-current", "true");
        else door.removeAttribute("aria-current");
      });
      if (move) {
        panel.focus({ preventScroll: true });
        panel.scrollIntoView({ block: "nearest" });
      }
    };
    const named = () => decodeURIComponent(location.hash.slice(1));
    const first = holder.dataset.first || (panels[0] && panels[0].id);
    show(panels.some((panel) => panel.id === named()) ? named() : first, false);
    addEventListener("hashchange", () => show(named(), true));
    doors.forEach((door) => door.addEventListener("click", () => {
      const id = door.getAttribute("href").slice(1);
      if (id === named()) show(id, true);
    }));
    addEventListener("beforeprint", () => panels.forEach((panel) => { panel.hidden = false; }));
  }

  function sharing(link) {
    if (!navigator.clipboard) return;
    const copy = (text, button) => async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
      say("Copied");
    };
    const add = (after, label, text) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "plain";
      button.textContent = label;
      button.addEventListener("click", copy(text, button));
      after.after(button);
    };
    add(link, "Copy the link", link.href);
    const command = one("#command");
    add(command, "Copy", command.textContent);
  }

  theme();
  all("[data-complete]").forEach(complete);
  all("form.question").forEach(question);
  all(".picture").forEach(picture);
  all(".panels").forEach(stops);
  all("#share").forEach(sharing);
})();
