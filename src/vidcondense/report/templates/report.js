"use strict";
(() => {
  const FRAMES_A_SECOND = 8;
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const root = document.documentElement;

  const theme = document.getElementById("theme");
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : prefersDark.matches);
  const nameTheme = () => { theme.textContent = isDark() ? "Light" : "Dark"; };
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  prefersDark.addEventListener("change", nameTheme);
  theme.hidden = false;
  nameTheme();

  const clips = all(".clip");
  const seen = new Set();
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) seen.add(entry.target); else seen.delete(entry.target);
    }
  });
  clips.forEach((clip) => watcher.observe(clip));

  const play = document.getElementById("play");
  const slider = document.getElementById("frame");
  let frame = 0;
  let timer = null;
  const show = (clip, number) => {
    const frames = Number(clip.dataset.frames);
    const shown = number % frames;
    clip.querySelector(".screen").style.setProperty("--f", shown);
    clip.querySelector(".now")?.classList.remove("now");
    clip.querySelector(".timeline").children[shown].classList.add("now");
  };
  const step = () => {
    frame = (frame + 1) % (Number(slider.max) + 1);
    slider.value = frame;
    seen.forEach((clip) => show(clip, frame));
  };
  const setPlaying = (playing) => {
    clearInterval(timer);
    timer = playing ? setInterval(step, 1000 / FRAMES_A_SECOND) : null;
    play.textContent = playing ? "Pause" : "Play";
  };
  play.addEventListener("click", () => setPlaying(timer === null));
  play.hidden = false;
  const stopAt = (number) => {
    setPlaying(false);
    frame = number;
    slider.value = frame;
    clips.forEach((clip) => show(clip, frame));
  };
  slider.addEventListener("input", () => stopAt(Number(slider.value)));
  const places = { ArrowLeft: (at) => at - 1, ArrowRight: (at) => at + 1, Home: () => 0, End: () => Infinity };
  clips.forEach((clip) => {
    const timeline = clip.querySelector(".timeline");
    const keys = all("button", timeline);
    const reach = (chosen) => keys.forEach((key) => { key.tabIndex = key === chosen ? 0 : -1; });
    reach(keys[0]);
    timeline.addEventListener("click", (event) => {
      const number = event.target.dataset.frame;
      if (number === undefined) return;
      if (keys.includes(event.target)) reach(event.target);
      stopAt(Number(number));
    });
    timeline.addEventListener("keydown", (event) => {
      const place = places[event.key]?.(keys.indexOf(event.target));
      if (place === undefined) return;
      event.preventDefault();
      const key = keys[Math.max(0, Math.min(place, keys.length - 1))];
      reach(key);
      key.focus();
      stopAt(Number(key.dataset.frame));
    });
    show(clip, 0);
  });
  setPlaying(!matchMedia("(prefers-reduced-motion: reduce)").matches);

  const valueOf = (cell) => (cell.dataset.value === undefined ? cell.textContent.trim() : Number(cell.dataset.value));
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
  all("table.sortable").forEach((table) => {
    const heads = all("thead th", table);
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => compare(valueOf(a.cells[column]), valueOf(b.cells[column])));
      body.append(...(ascending ? rows : rows.reverse()));
    }));
  });

  document.getElementById("filter")?.addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    all(".shelf").forEach((shelf) => { shelf.hidden = !shelf.dataset.name.toLowerCase().includes(wanted); });
  });
})();
