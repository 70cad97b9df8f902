/// Style of printed codes, on a screen and on their paper.
extension PrintSheet {
  static func css(_ paper: PrintPaper) -> String {
    let size =
      paper == .poster
      ? "@page { size: 210mm 297mm; margin: 15mm; } section { width: 180mm; } .qr svg { width: 130mm; height: 130mm; } .survey { font-size: 22pt; } h2 { font-size: 34pt; } h2 small { font-size: 22pt; } .scan { font-size: 26pt; } p { font-size: 15pt; } .code { font-size: 18pt; } .link { font-size: 10pt; } @media print { section { height: 265mm; } }"
      : "@page { size: 105mm 148mm; margin: 6mm; } section { width: 93mm; } .qr svg { width: 66mm; height: 66mm; } .survey { font-size: 10pt; } h2 { font-size: 15pt; } h2 small { font-size: 11pt; } .scan { font-size: 11pt; } p { font-size: 9pt; } .code { font-size: 10pt; } .link { font-size: 7pt; }"
    return """
      body { font-family: "Noto Sans", system-ui, "DejaVu Sans", sans-serif; line-height: 1.45; margin: 0; color: #000; background: #fff; text-align: center; }
      header { padding: 12px 16px; text-align: left; max-width: 60rem; margin: 0 auto; } header h1 { font-size: 18px; } header p { font-size: 15px; margin: 4px 0; }
      section { margin: 12px auto; padding: 6mm; border: 1px solid #999; box-sizing: border-box; max-width: 100%; overflow-wrap: anywhere; }
      h2 { font-weight: 600; line-height: 1.25; margin: 2mm 0; } h2 small { display: block; font-weight: 400; } p { margin: 1.5mm 0; } .survey { font-weight: 600; line-height: 1.3; }
      .qr svg { max-width: 100%; } .second { color: #333; } .code { font-variant-numeric: tabular-nums; letter-spacing: 0; } .code b { border: 1px solid #000; border-radius: 1mm; padding: 0 2mm; } .link { color: #333; }
      a { color: #0b57a4; } nav a { margin-right: 8px; }
      @media print { header { display: none; } section { border: 0; margin: 0 auto; padding: 0; width: auto; break-inside: avoid; break-after: page; } section:last-child { break-after: auto; } }
      \(size)
      """
  }
}
