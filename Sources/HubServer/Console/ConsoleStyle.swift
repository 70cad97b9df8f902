/// The console's style sheet, after that of all pages: states, cards, tables that become cards on a narrow screen.
enum ConsoleStyle {
  static let icon =
    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><rect width=\"16\" height=\"16\" rx=\"4\" fill=\"#0b57a4\"/><path d=\"M4 8l3 3 5-6\" fill=\"none\" stroke=\"#fff\" stroke-width=\"2\"/></svg>"

  static let css = """
    :root { --odd: #6a3fa0; --odd-bg: #f2ecfa; --r: 6px; }
    @media (prefers-color-scheme: dark) { :root { --odd: #c9a9f7; --odd-bg: #2a1f3a; } }
    body { font: 15px/1.45 "Noto Sans", system-ui, "DejaVu Sans", sans-serif; }
    h1 { font-size: 18px; font-weight: 600; margin: 12px 0 8px; } h2 { font-size: 15px; font-weight: 600; margin: 24px 0 8px; }
    small { font-size: 13px; color: var(--soft); } b, strong { font-weight: 600; }
    main { padding-bottom: 24px; } main, header, footer { max-width: 90rem; margin: 0 auto; padding-left: 16px; padding-right: 16px; }
    .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    header { border-bottom: 1px solid var(--line); }
    .bar { display: flex; flex-wrap: wrap; gap: 0 20px; align-items: center; } .places { display: flex; flex-wrap: wrap; gap: 0 20px; } .tools { display: flex; gap: 16px; align-items: center; margin-left: auto; }
    .places a, .tools a { padding: 8px 0; text-decoration: none; white-space: nowrap; } .places a:hover, .tools a:hover { text-decoration: underline; }
    .places a[aria-current] { color: var(--ink); font-weight: 600; box-shadow: inset 0 -2px var(--ink); }
    .count { display: inline-block; min-width: 20px; padding: 0 5px; border-radius: 10px; background: var(--head); color: var(--ink); font-size: 13px; text-align: center; font-variant-numeric: tabular-nums; }
    .search { margin: 0; } .tools .other { margin: 0; }
    input, select, textarea, button { font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--soft); border-radius: var(--r); padding: 4px 8px; min-height: 32px; }
    input[type="radio"], input[type="checkbox"] { min-height: 0; width: 16px; height: 16px; margin: 0 4px 0 0; vertical-align: -2px; }
    .search input { width: 14rem; max-width: 100%; }
    .truth { display: flex; flex-wrap: wrap; gap: 0 20px; margin: 0; padding: 4px 0 6px; font-size: 13px; font-variant-numeric: tabular-nums; }
    .truth .bad, .bad-text { color: var(--bad); } .quiet { color: var(--soft); } .warn { color: var(--warn); }
    .glyph { display: inline-block; min-width: 1.2em; text-align: center; font-weight: 600; }
    .mark { white-space: nowrap; }
    .s-never .glyph, .sq.s-never { background: var(--bad); color: var(--paper); border-radius: 4px; }
    .s-silent .glyph, .sq.s-silent { color: var(--bad); box-shadow: inset 0 0 0 2px var(--bad); border-radius: 4px; }
    .s-odd .glyph, .sq.s-odd { color: var(--odd); } .s-late .glyph, .sq.s-late { color: var(--warn); }
    .sq.s-odd { background: var(--odd-bg); box-shadow: inset 0 0 0 2px var(--odd); } .sq.s-late { background: var(--warn-bg); box-shadow: inset 0 0 0 1px var(--warn); }
    .mark.s-never, .mark.s-silent { color: var(--bad); font-weight: 600; } .mark.s-odd { color: var(--odd); font-weight: 600; } .mark.s-late { color: var(--warn); font-weight: 600; }
    .s-none, .s-done, .mark.s-done { color: var(--soft); }
    .chips { display: flex; flex-wrap: wrap; gap: 4px; margin: 0 0 8px; }
    .chip { display: inline-flex; gap: 4px; align-items: center; padding: 3px 10px; border: 1px solid var(--line); border-radius: var(--r); text-decoration: none; color: var(--ink); white-space: nowrap; }
    .chip[aria-current] { border-color: var(--ink); box-shadow: inset 0 0 0 1px var(--ink); } .chip.zero { color: var(--soft); } .chip b { font-variant-numeric: tabular-nums; }
    .cards { list-style: none; margin: 0; padding: 0; border-top: 1px solid var(--line); }
    .card { display: grid; grid-template-columns: 28px minmax(14rem, 2fr) minmax(16rem, 2.2fr) minmax(8.5rem, .8fr) minmax(5rem, .6fr) minmax(17rem, 1.7fr); gap: 0 12px; padding: 3px 0; border-bottom: 1px solid var(--line); align-items: baseline; font-variant-numeric: tabular-nums; color: var(--ink); }
    .card > .glyph { grid-row: 1 / 3; align-self: start; line-height: 24px; width: 24px; } .card .who { grid-row: 1 / 3; align-self: start; } .card .who > small { display: block; line-height: 20px; }
    .card .who a { text-decoration: none; } .card .who a:hover { text-decoration: underline; } .card .who b { color: var(--ink); }
    .card .why { font-weight: 600; } .card.s-never .why, .card.s-silent .why { color: var(--bad); } .card.s-odd .why { color: var(--odd); } .card.s-late .why { color: var(--warn); }
    .card .next { color: var(--soft); } .card .tags { grid-column: 3 / 6; grid-row: 2; } .card .next { grid-column: 6; grid-row: 1 / 3; }
    .tag { display: inline-block; padding: 0 6px; border: 1px solid var(--line); border-radius: var(--r); font-size: 13px; color: var(--ink); text-decoration: none; }
    .tel { white-space: nowrap; } .call { display: inline-block; } .call[open] { display: block; } .call summary { padding: 0; display: inline-block; font-size: 13px; } .call form { display: flex; flex-wrap: wrap; gap: 6px 8px; align-items: center; padding: 6px 0; } .promise { display: inline-flex; gap: 6px; align-items: center; } .last { display: inline; }
    .calm { padding: 24px 0; color: var(--soft); } .rest { margin: 12px 0; } .legend { max-width: 60rem; font-size: 13px; } .legend .mark { margin-right: 12px; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 8px; list-style: none; margin: 12px 0; padding: 0; }
    .tile a { display: block; height: 100%; padding: 6px 12px; border: 1px solid var(--line); border-radius: var(--r); text-decoration: none; color: var(--ink); }
    .tile .label { display: block; font-size: 13px; color: var(--soft); } .tile b { font-size: 26px; line-height: 1.45; font-variant-numeric: tabular-nums; } .tile small { display: block; }
    .tile.bad a { border-color: var(--bad); } .tile.bad b { color: var(--bad); } .tile.warn a { border-color: var(--warn); } .tile.warn b { color: var(--warn); }
    h3 { font-size: 15px; font-weight: 600; margin: 16px 0 4px; }
    .chart { margin: 12px 0; max-width: 60rem; } .chart figcaption { font-size: 13px; color: var(--soft); } .chart svg { width: 100%; height: auto; max-height: 180px; display: block; }
    .chart text { font-size: 13px; fill: var(--soft); } .axis { stroke: var(--line); } .goal { stroke: var(--soft); stroke-dasharray: 4 4; } .reports { fill: none; stroke: var(--link); stroke-width: 3; } .contacts { fill: var(--soft); }
    table small { font-weight: 400; } .units td, .units th, .groups td, .groups th { padding: 4px 8px; vertical-align: baseline; } .units tbody th a, .groups tbody th a { text-decoration: underline; text-decoration-color: var(--line); } .units tbody th a:hover { text-decoration: underline; }
    .units td { white-space: nowrap; } .units td.tags { white-space: normal; } thead th a { color: inherit; }
    .units th[scope="row"] { min-width: 15rem; } .groups th[scope="row"] { min-width: 11rem; } .units tbody th > small { display: block; } .split { white-space: nowrap; }
    .reports { width: max-content; min-width: 100%; } .reports thead th { min-width: 8rem; max-width: 16rem; } .reports td { white-space: normal; max-width: 24rem; }
    .groups .squares { min-width: 12rem; } .groups th[scope="row"] small { display: block; } .counts { white-space: nowrap; } .groupbar { vertical-align: middle; }
    .f-done { fill: var(--soft); } .f-way { fill: var(--line); } .f-late { fill: var(--warn); } .f-never { fill: var(--bad); }
    .sq { display: inline-block; width: 24px; height: 24px; line-height: 24px; margin: 1px; text-align: center; text-decoration: none; font-size: 13px; border-radius: 4px; color: var(--ink); background: var(--head); vertical-align: top; }
    .sq.s-done, .sq.s-none { color: var(--soft); }
    .facts { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; margin: 8px 0; } .facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
    .todo { margin: 8px 0; padding-left: 20px; } .todo li { padding: 2px 0; } .strip { display: flex; flex-wrap: wrap; gap: 4px; list-style: none; margin: 8px 0; padding: 0; } .strip > li { border: 1px solid var(--line); border-radius: var(--r); padding: 4px 8px; }
    .plain { border-collapse: collapse; } .plain th, .plain td { padding: 6px 12px 6px 0; } .plain td, .plain th { overflow-wrap: anywhere; vertical-align: top; } .plain th[scope="row"] { min-width: 13rem; max-width: 22rem; } .plain thead th { overflow-wrap: normal; } .plain .old { color: var(--soft); }
    .flag { color: var(--warn); } b.flag { white-space: nowrap; } .crumbs { margin: 8px 0 0; font-size: 13px; } .log { list-style: none; padding: 0; } .log li { padding: 4px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
    .act { margin: 12px 0; padding: 8px 12px; border: 1px solid var(--line); border-radius: var(--r); max-width: 44rem; } .act summary { padding: 4px 0; } .act label { display: block; margin: 8px 0 4px; } .act input[type="text"], .act input[type="password"], .act textarea { width: 100%; } .act fieldset { border: 0; padding: 0; margin: 8px 0; } .act fieldset label { display: flex; gap: 8px; align-items: baseline; }
    input[type="file"] { width: 100%; max-width: 100%; } textarea[spellcheck="false"], pre { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 13px; } pre { overflow-x: auto; }
    a.button { display: inline-block; padding: 6px 16px; border: 1px solid var(--link); border-radius: var(--r); background: var(--link); color: var(--paper); text-decoration: none; font-weight: 600; }
    .rest a.button { padding: 6px 16px; } p.remind { margin: 0 0 8px; }
    .pick { padding: 8px 0; border-bottom: 1px solid var(--line); } .pick label { display: inline; } .pick textarea { display: block; width: 100%; max-width: 60rem; margin-top: 4px; field-sizing: content; min-height: 72px; } #chat { width: 100%; } #added { width: min(100%, 60rem); min-height: 44px; } .after td, .after th { vertical-align: top; }
    button { cursor: pointer; } button.primary { background: var(--link); color: var(--paper); border-color: var(--link); font-weight: 600; padding: 6px 16px; }
    .cut { color: var(--warn); font-weight: 600; } .is-cut .truth { background: var(--warn-bg); }
    .changed { outline: 2px solid var(--link); outline-offset: 1px; } @media (prefers-reduced-motion: reduce) { .changed { outline: 0; } }
    #changes { position: fixed; left: 50%; bottom: 16px; transform: translateX(-50%); padding: 8px 16px; background: var(--link); color: var(--paper); border-color: var(--link); font-weight: 600; min-height: 44px; } #changes[hidden] { display: none; }
    .remaining { display: none; } .find { display: flex; flex-wrap: wrap; gap: 8px; align-items: center; margin: 8px 0; } .find input { flex: 1 1 12rem; max-width: 24rem; }
    .counts a, .counts span { display: inline-block; min-width: 24px; padding: 2px 4px; text-align: center; }
    #keys { display: inline-block; font-size: 13px; } .take a { margin-right: 8px; }
    .said { padding: 8px 12px; border-radius: var(--r); background: var(--good-bg); color: var(--good); } .said.bad { background: var(--bad-bg); color: var(--bad); }
    @media (max-width: 60rem) {
      .card { grid-template-columns: 28px 1fr max-content; } .card .why { grid-column: 2 / 4; grid-row: 2; } .card .answers { grid-column: 3; grid-row: 1; text-align: right; } .card .who { grid-row: 1; } .card > .glyph { grid-row: 1 / 5; } .card .report, .card .tags, .card .next { grid-column: 2 / 4; grid-row: auto; }
    }
    @media (max-width: 40rem) {
      main, header, footer { padding-left: 12px; padding-right: 12px; }
      .places { gap: 0 16px; flex: 1 1 100%; flex-wrap: nowrap; overflow-x: auto; } .places a, .tools a { padding: 10px 0; min-height: 44px; } .tools { flex: 1 1 100%; margin: 0; } .tools a { flex: 0 1 auto; min-width: 3rem; white-space: normal; overflow-wrap: anywhere; } .tools .other { flex: none; } .search { flex: 1 1 5rem; min-width: 5rem; max-width: 10rem; } .search input { width: 100%; min-height: 44px; }
      .truth { flex-wrap: nowrap; overflow-x: auto; gap: 0 12px; white-space: nowrap; } .truth .quiet { display: none; } .chart text { font-size: 26px; }
      .chips { flex-wrap: nowrap; overflow-x: auto; padding-bottom: 4px; } .chip, .tag { min-height: 44px; } .tag { padding: 8px; line-height: 28px; }
      .tiles { grid-template-columns: 1fr 1fr; gap: 6px; } .tile b { font-size: 18px; }
      .card { padding: 6px 0; } .card .who a { display: inline-block; min-height: 24px; } .card .tel { padding: 4px 0; min-height: 36px; } .card .call summary { padding: 6px 0; }
      .units, .units tbody, .units tr, .units td, .units th, .groups, .groups tbody, .groups tr, .groups td, .groups th { display: block; border: 0; text-align: left; position: static; max-width: none; }
      .units thead, .groups thead { display: none; } .units tr, .groups tr { border-top: 1px solid var(--line); padding: 8px; } .units td, .units th, .groups td, .groups th { padding: 1px 0; white-space: normal; }
      .units td:empty { display: none; } .units td[data-label], .groups td[data-label] { display: inline-block; margin-right: 14px; } .units td[data-label]:empty { display: none; } .units td[data-label]::before, .groups td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); }
      .reports { width: 100%; min-width: 0; } .units th[scope="row"], .groups th[scope="row"], .plain th[scope="row"] { min-width: 0; } .reports th[scope="row"] { display: flex; gap: 8px; align-items: baseline; } .plain td.n { text-align: left; }
      .units th[scope="row"] a, .groups th[scope="row"] a { display: inline-block; padding: 6px 0; } .jump a { padding: 10px 4px; min-height: 44px; }
      .sq { width: 40px; height: 40px; line-height: 40px; margin: 2px; } .plain, .plain tbody, .plain tr, .plain td, .plain th { display: block; } .plain thead { display: none; } .plain tr { border-top: 1px solid var(--line); padding: 6px 0; } .plain td, .plain th { border: 0; padding: 2px 0; max-width: none; position: static; }
      .remaining { display: block; position: sticky; bottom: 8px; z-index: 2; margin: 8px 0; } .remaining a { display: block; padding: 10px 12px; border-radius: var(--r); background: var(--link); color: var(--paper); font-weight: 600; text-align: center; text-decoration: none; }
      .counts a { padding: 10px 8px; }
      .plain td:empty { display: none; } .plain td[data-label]::before { content: attr(data-label) ": "; color: var(--soft); } .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 6px; }
      button, .act input[type="text"], .act input[type="password"], .act input[type="number"], .find input, .call input { min-height: 44px; } .tel, .call summary { display: inline-block; padding: 10px 0; } .card .call { margin-left: 8px; } .call form > label { flex: 1 1 100%; } .plain td form { margin: 4px 0; } .rest a { display: inline-block; padding: 10px 0; }
    }
    @media print { .bar, header nav, .skip, .take, .search, .jump, .act, .call, .find, .remaining, p.remind, #changes, footer { display: none; } .card { break-inside: avoid; } .scroll { overflow: visible; border: 0; } }
    """
}
