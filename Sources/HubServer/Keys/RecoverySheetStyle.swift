/// Style of the recovery sheet, on a screen and on A4.
enum RecoverySheetStyle {
  static let css = """
    @page { size: A4; margin: 15mm; }
    body { font: 11pt/1.4 system-ui, "Noto Sans", "DejaVu Sans", sans-serif; max-width: 46rem; margin: 0 auto; padding: 1rem; color: #000; background: #fff; }
    h1 { font-size: 15pt; } h2 { font-size: 12pt; margin-bottom: 0; } p { margin: .3em 0; }
    pre { font: 11.5pt/1.7 ui-monospace, "DejaVu Sans Mono", monospace; columns: 2 18rem; white-space: pre-wrap; }
    figure { margin: 1rem 0; break-inside: avoid; } svg { width: 70mm; height: 70mm; }
    """
}
