/// The one style sheet: system fonts, both colour schemes, readable from 360 pixels up.
enum PageStyle {
  static let css = """
    :root {
      --paper: #ffffff; --ink: #1c2126; --soft: #5a646e; --line: #d9dee3; --head: #f3f5f7; --link: #0b57a4;
      --good: #1a6b35; --warn: #8a5200; --bad: #b3261e; --good-bg: #e8f4ec; --warn-bg: #fdf1de; --bad-bg: #fcebe9;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #14181c; --ink: #e6e9ec; --soft: #a3adb7; --line: #343c44; --head: #1d2329; --link: #8ab8f0;
        --good: #7fd29a; --warn: #f0b866; --bad: #ff9c93; --good-bg: #16301f; --warn-bg: #33260f; --bad-bg: #3a1a18;
      }
    }
    * { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.45 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; }
    main, footer, body > nav { padding: 0 1rem; max-width: 90rem; margin: 0 auto; }
    body > nav { display: flex; gap: 1.25rem; align-items: center; min-height: 3rem; border-bottom: 1px solid var(--line); }
    body > nav.campaigns { display: block; min-height: 0; }
    .campaigns ul { margin: 0; padding: .5rem 0; list-style: none; }
    .campaigns li { padding: .3rem 0; line-height: 1.3; }
    .campaigns a { display: inline-block; padding: 0; }
    .campaigns a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; border-left: 3px solid; padding-left: .5rem; }
    a { color: var(--link); }
    body > nav a { padding: .5rem 0; }
    .other { margin-left: auto; }
    .skip { position: absolute; left: -99rem; }
    .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem; z-index: 9; }
    :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
    h1 { font-size: 1.5rem; line-height: 1.25; margin: 1rem 0 .25rem; }
    h2 { font-size: 1.1rem; line-height: 1.3; margin: 2rem 0 .5rem; }
    .lead { margin: .25rem 0; max-width: 60rem; }
    .when, .legend, footer, .quiet, small, caption { color: var(--soft); }
    .when { margin: .25rem 0 1rem; }
    small { font-size: .85em; }
    .band { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem; margin: 0 0 1rem; }
    .band div { border: 1px solid var(--line); border-radius: .4rem; padding: .5rem .75rem; }
    .band dt { font-size: .9rem; }
    .band dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; line-height: 1.25; }
    .band small { font-size: .9rem; font-weight: 400; display: block; }
    .band .good { background: var(--good-bg); } .band .good dt { color: var(--good); }
    .band .warn { background: var(--warn-bg); } .band .warn dt { color: var(--warn); }
    .band .bad { background: var(--bad-bg); } .band .bad dt { color: var(--bad); }
    .alert { padding: .75rem; border-radius: .4rem; margin: .5rem 0; overflow-wrap: anywhere; }
    .alert.bad { background: var(--bad-bg); color: var(--bad); }
    .alert.warn { background: var(--warn-bg); color: var(--warn); }
    .alert code { color: var(--ink); font-size: .95em; }
    .alert code span { white-space: nowrap; }
    .jump { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .5rem 0 1rem; }
    .jump a, .jump span { padding: .3rem 0; }
    .jump a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; border-bottom: 2px solid; }
    summary { padding: .5rem 0; cursor: pointer; color: var(--link); }
    details li { padding: .3rem 0; }
    details a[aria-current] { color: var(--ink); font-weight: 600; text-decoration: none; }
    .scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .4rem; max-width: 100%; }
    table { border-collapse: separate; border-spacing: 0; width: 100%; font-variant-numeric: tabular-nums; }
    caption { text-align: left; padding: .5rem .75rem; }
    th, td { padding: .4rem .75rem; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
    thead th { border-top: 0; background: var(--head); font-size: .9rem; line-height: 1.3; vertical-align: bottom; }
    thead th.n { white-space: normal; min-width: 4.5rem; max-width: 10rem; }
    .board th, .board td { padding-left: .55rem; padding-right: .55rem; }
    .board td { white-space: nowrap; }
    .few thead th.n { width: 9rem; }
    .board td small { display: block; font-weight: 400; }
    .n { text-align: right; white-space: nowrap; }
    th[scope="row"], th[scope="rowgroup"], thead th:first-child { position: sticky; left: 0; background: var(--paper); z-index: 1; }
    th[scope="row"] { font-weight: 400; }
    .board th[scope="row"] { min-width: 16rem; }
    .district th { white-space: nowrap; }
    thead th:first-child { background: var(--head); }
    .district th, .district td { background: var(--head); font-weight: 600; border-top: 2px solid var(--line); }
    .district { scroll-margin-top: 1rem; }
    td.good { color: var(--good); } td.warn { color: var(--warn); font-weight: 600; } td.bad { color: var(--bad); font-weight: 600; }
    .icon { display: inline-block; min-width: 1em; text-align: center; font-weight: 700; }
    meter { width: 7rem; height: .8rem; vertical-align: middle; }
    .share meter { display: block; margin-left: auto; }
    .post { border-top: 1px solid var(--line); padding: 0 0 1rem; max-width: 60rem; }
    .post h2 { margin-top: 1rem; }
    .post p { margin: .25rem 0; overflow-wrap: anywhere; }
    .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .5rem; margin-top: .5rem; }
    .pictures a { display: block; }
    .pictures img { width: 100%; height: 9.5rem; object-fit: cover; border-radius: .4rem; background: var(--head); display: block; }
    footer { border-top: 1px solid var(--line); margin-top: 2rem; padding-bottom: 2rem; font-size: .9rem; }
    @media (max-width: 40rem) {
      body { font-size: 15px; }
      th, td { padding: .4rem .5rem; }
      th[scope="row"], .district th, thead th:first-child { min-width: 6.5rem; max-width: 9rem; }
      .board th[scope="row"] { min-width: 6.5rem; }
      .district th { white-space: normal; }
      meter { width: 4.5rem; }
      thead th.n { min-width: 4rem; max-width: 7rem; }
      .few thead th.n { width: auto; }
      .taking th, .taking td { padding: .4rem .35rem; }
      .taking thead th { font-size: .8rem; }
      .taking meter { width: 3.5rem; }
      .taking th[scope="row"] { max-width: 6.5rem; overflow-wrap: anywhere; }
      .many thead th.long { min-width: 9rem; max-width: 9rem; }
      .band { grid-template-columns: 1fr 1fr; }
    }
    @media print { .jump, body > nav, .skip { display: none; } .scroll { overflow: visible; border: 0; } }
    """
}
