/// Script of the console's keys. Everything that a key does, a link or a button of the page does as well; the script asks for nothing and keeps nothing.
enum KeyScript {
  static let path = "/keys.js"

  static let source = """
    "use strict";
    (() => {
      const isTyping = (target) => target instanceof Element && target.closest("input, textarea, select") !== null;
      const rows = () =>
        Array.from(document.querySelectorAll(".cards > li, .units > tbody > tr, .plain > tbody > tr, .log > li")).filter((row) => row.querySelector("a") !== null);
      addEventListener("keydown", (event) => {
        if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
        const all = rows();
        const at = all.findIndex((row) => row.contains(document.activeElement));
        const go = (index) => {
          const row = all[Math.max(0, Math.min(all.length - 1, index))];
          if (row === undefined) return;
          row.querySelector("a").focus();
          row.scrollIntoView({ block: "nearest" });
        };
        switch (event.key) {
          case "j": go(at + 1); break;
          case "k": go(at < 0 ? 0 : at - 1); break;
          case "c": {
            const call = (at < 0 ? document : all[at]).querySelector("details.call");
            if (call === null) return;
            call.open = true;
            call.querySelector("button").focus();
            break;
          }
          case "r": {
            const link = document.querySelector("a[data-remind]");
            if (link === null) return;
            const there = new URL(link.href);
            if (at >= 0 && all[at].dataset.unit !== undefined) {
              there.searchParams.delete("state");
              there.searchParams.set("units", all[at].dataset.unit);
            }
            location.assign(there);
            break;
          }
          case "/": {
            const search = document.getElementById("search");
            if (search === null) return;
            search.focus();
            break;
          }
          case "?": {
            const help = document.getElementById("keys");
            if (help === null) return;
            help.open = !help.open;
            help.scrollIntoView({ block: "nearest" });
            help.querySelector("summary").focus();
            break;
          }
          default: return;
        }
        event.preventDefault();
      });
    })();

    """
}
