/// Style of the page of codes, on a screen and on paper of size A6.
enum QRSheetStyle {
  static let css = """
    @page { size: 105mm 148mm; margin: 6mm; }
    body { font: 11pt/1.35 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; margin: 0 auto; max-width: 80rem; text-align: center; color: #000; background: #fff; }
    section { display: inline-block; vertical-align: top; width: 93mm; padding: 4mm; margin: 2mm; border: 1px solid #999; border-radius: 2mm; break-inside: avoid; }
    h1 { font-size: 14pt; padding: 0 1rem; } h2 { font-size: 15pt; line-height: 1.2; margin: 0 0 1mm; } h2 small { display: block; font-size: 11pt; font-weight: 400; }
    img { width: 70mm; height: 70mm; } p { margin: 1mm 0; }
    .link { font: 8pt/1.3 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
    @media print { header { display: none; } body { max-width: none; } section { display: block; width: auto; border: 0; margin: 0; padding: 0; break-after: page; } section:last-child { break-after: auto; } }
    """
}
