/// Script that keeps a page as it is at the hub. A page works without it.
enum LiveScript {
  static let javascript = """
    "use strict";
    (() => {
      const line = document.getElementById("live");
      const state = { parts: {}, lists: {} };
      let source = null, last = performance.now(), lastClock = "", isCut = false;

      // Keeps the part that somebody reads, types in or points at.
      const points = matchMedia("(hover: hover)").matches;
      const isHeld = (element) =>
        element.contains(document.activeElement) || (points && element.matches(":hover")) || element.querySelector("details[open] form") !== null;

      const made = (html) => {
        const template = document.createElement("template");
        template.innerHTML = html;
        return template.content.firstElementChild;
      };

      const mark = (was, is) => {
        [...is.children].forEach((child, at) => {
          const before = was.children[at];
          if (before && before.textContent === child.textContent) return;
          child.classList.add("changed");
          setTimeout(() => child.classList.remove("changed"), 2000);
        });
      };

      const replace = (id) => {
        const old = document.getElementById(id);
        if (!old || isHeld(old)) return;
        const fresh = made(state.parts[id]);
        const was = old.querySelectorAll("details"), is = fresh.querySelectorAll("details");
        if (was.length === is.length) is.forEach((each, at) => (each.open = was[at].open));
        old.querySelectorAll(".changed").forEach((each) => each.classList.remove("changed"));
        old.querySelectorAll('[class=""]').forEach((each) => each.removeAttribute("class"));
        if (old.isEqualNode(fresh)) return;
        mark(old, fresh);
        old.replaceWith(fresh);
      };

      // Number of rows that would come, go or move; rearranges them unless somebody is in the list.
      const arrange = (id, isAsked) => {
        const list = document.getElementById(id), order = state.lists[id];
        if (!list) return 0;
        const have = [...list.children].map((each) => each.id);
        const stay = have.filter((each) => order.includes(each)), goal = order.filter((each) => have.includes(each));
        const changes = have.length - stay.length + order.length - goal.length + stay.filter((each, at) => each !== goal[at]).length;
        if (changes === 0 || (isHeld(list) && !isAsked)) return changes;
        const anchor = [...list.children].find((each) => each.getBoundingClientRect().bottom > 0);
        const top = anchor ? anchor.getBoundingClientRect().top : 0;
        let at = list.firstElementChild;
        for (const each of order) {
          const element = document.getElementById(each) || (state.parts[each] ? made(state.parts[each]) : null);
          if (!element) continue;
          if (element === at) at = at.nextElementSibling;
          else list.insertBefore(element, at);
        }
        while (at) {
          const next = at.nextElementSibling;
          at.remove();
          at = next;
        }
        if (anchor && anchor.isConnected && window.scrollY > 0) window.scrollBy(0, anchor.getBoundingClientRect().top - top);
        return 0;
      };

      const button = document.createElement("button");
      button.type = "button";
      button.id = "changes";
      button.hidden = true;
      button.addEventListener("click", () => {
        show(true);
        button.hidden = true;
      });

      const show = (isAsked) => {
        Object.keys(state.parts).forEach(replace);
        const changes = Object.keys(state.lists).reduce((sum, id) => sum + arrange(id, isAsked), 0);
        button.hidden = changes === 0;
        if (changes) button.textContent = `${changes} ${line.dataset.changes} ↑`;
      };

      const said = () => {
        isCut = performance.now() - last > 15000;
        const text = `${isCut ? line.dataset.off : line.dataset.on} ${lastClock}`;
        // Only that it is cut is read aloud.
        line.ariaLive = isCut ? "assertive" : "off";
        line.className = isCut ? "cut" : "";
        line.hidden = lastClock === "" && !isCut;
        if (line.textContent !== text) line.textContent = text;
        document.documentElement.classList.toggle("is-cut", isCut);
      };

      const open = () => {
        source = new EventSource(`/live?page=${encodeURIComponent(location.pathname + location.search)}`);
        source.addEventListener("beat", (event) => {
          last = performance.now();
          lastClock = JSON.parse(event.data).clock;
          said();
          show(false);
        });
        source.addEventListener("page", (event) => {
          const change = JSON.parse(event.data);
          Object.assign(state.parts, change.parts);
          Object.assign(state.lists, change.lists);
          show(false);
        });
        source.addEventListener("end", () => location.reload());
        source.addEventListener("error", () => {
          if (source.readyState === EventSource.CLOSED) setTimeout(open, 15000);
        });
      };

      if (line && window.EventSource) {
        document.getElementById("main").append(button);
        open();
        setInterval(said, 1000);
        document.addEventListener("submit", (event) => {
          if (isCut && event.target.method === "post" && !confirm(line.dataset.ask)) event.preventDefault();
        });
      }
    })();
    """
}
