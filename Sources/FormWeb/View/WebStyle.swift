/// The one style sheet: system fonts, both colour schemes, readable from 360 pixels up, targets a thumb can hit.
enum WebStyle {
  static let css = """
    :root {
      --paper: #ffffff; --ink: #1c2126; --soft: #5a646e; --line: #c3cad1; --head: #f3f5f7; --link: #0b57a4; --on-link: #ffffff;
      --bad: #b3261e; --bad-bg: #fcebe9; --new-bg: #e8f1fb;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --paper: #14181c; --ink: #e6e9ec; --soft: #a3adb7; --line: #48525c; --head: #1d2329; --link: #8ab8f0; --on-link: #10161c;
        --bad: #ff9c93; --bad-bg: #3a1a18; --new-bg: #1a2a3d;
      }
    }
    * { box-sizing: border-box; }
    html { -webkit-text-size-adjust: 100%; }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 17px/1.5 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
    header, main { padding: 0 1rem; max-width: 42rem; margin: 0 auto; }
    header { border-bottom: 1px solid var(--line); }
    header p { margin: .6rem 0; line-height: 1.3; }
    header span { color: var(--soft); display: block; font-size: .9em; }
    main { padding-bottom: 3rem; }
    a { color: var(--link); }
    .skip { position: absolute; left: -99rem; }
    .skip:focus { left: 1rem; top: .5rem; background: var(--paper); padding: .5rem; z-index: 9; }
    :focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
    h1 { font-size: 1.35rem; line-height: 1.3; margin: 1rem 0 .75rem; }
    h2 { font-size: 1.1rem; line-height: 1.3; margin: 1.75rem 0 .5rem; }
    .soft, .hint, small { color: var(--soft); }
    small { font-weight: 400; }
    .note { background: var(--head); border-radius: .5rem; padding: .75rem; white-space: pre-line; }
    .step { color: var(--soft); margin: 1rem 0 0; display: flex; gap: .75rem; align-items: center; }
    progress { flex: 1; height: .5rem; accent-color: var(--link); }
    .points div { margin: 0 0 .9rem; }
    dt { font-weight: 600; }
    dd { margin: .1rem 0 0; white-space: pre-line; }
    .alert { border-radius: .5rem; padding: .75rem; margin: 1rem 0; }
    .alert p { margin: 0; font-weight: 600; }
    .alert ul { margin: .25rem 0 0; padding-left: 1.25rem; }
    .alert li { padding: .3rem 0; }
    .alert.bad { background: var(--bad-bg); color: var(--bad); }
    .alert.bad a { color: inherit; }
    .alert.new { background: var(--new-bg); }
    .q { border: 0; margin: 1.75rem 0; padding: 0; min-width: 0; }
    .q > legend, .q > label:not(.tap) { font-weight: 600; padding: 0; display: block; }
    .q > legend { float: left; width: 100%; margin-bottom: .25rem; }
    .q > legend + * { clear: both; }
    .q.wrong { border-left: 4px solid var(--bad); padding-left: .75rem; }
    .q.new { border-left: 4px solid var(--link); padding-left: .75rem; }
    .hint { margin: .2rem 0 0; }
    .fault { color: var(--bad); font-weight: 600; margin: .2rem 0 0; }
    .tap { display: flex; gap: .75rem; align-items: center; min-height: 3rem; padding: .5rem .75rem; margin: .5rem 0 0; border: 1px solid var(--line); border-radius: .5rem; cursor: pointer; }
    .tap:has(:checked) { border-color: var(--link); background: var(--new-bg); }
    .tap:focus-within { outline: 3px solid var(--link); outline-offset: 1px; }
    .tap input { width: 1.4rem; height: 1.4rem; margin: 0; flex: none; accent-color: var(--link); }
    .tap input:focus-visible { outline: 0; }
    .q > input, select, textarea { display: block; width: 100%; min-height: 3rem; margin: .5rem 0 0; padding: .5rem .75rem; font: inherit; color: inherit; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; }
    .q > input[inputmode], .q > input[type="date"], .q > input[type="time"] { max-width: 14rem; }
    button { font: inherit; min-height: 3rem; padding: .5rem 1.5rem; border-radius: .5rem; border: 1px solid var(--link); background: var(--link); color: var(--on-link); font-weight: 600; cursor: pointer; }
    button.quiet { background: transparent; color: var(--link); }
    button.link { border-color: transparent; background: transparent; color: var(--link); font-weight: 400; text-decoration: underline; padding: .5rem; }
    .enter { position: absolute; left: -99rem; }
    .go { display: flex; flex-wrap: wrap; gap: .75rem; margin: 2rem 0 1rem; }
    .go button { flex: 1 1 12rem; }
    .other { text-align: right; margin: .5rem 0; }
    .other a { display: inline-block; padding: .6rem .5rem; }
    .filled { border: 1px solid var(--line); border-radius: .5rem; margin: 1rem 0; padding: 0 .75rem; min-width: 0; }
    .filled legend { font-weight: 600; }
    .part { border-top: 1px solid var(--line); }
    .part dl { margin: 0; }
    .part dl div { margin: 0 0 .75rem; }
    .part dt { font-weight: 400; color: var(--soft); }
    .part h2 { margin-top: 1rem; }

    """
}
