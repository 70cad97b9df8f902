internal import Mustache

// The board is 209 rows of ten cells, and the template engine looks each field up in all that stands around it. Found by
// reflection, that takes ten times as long as reading the hub; so what the board is made of says its fields itself.

extension PageCell: MustacheParent {
  func child(named name: String) -> Any? {
    switch name {
    case "value": value
    case "detail": detail
    case "icon": icon
    case "style": style
    case "span": span
    case "meter": meter
    default: nil
    }
  }
}

extension PageColumn: MustacheParent {
  func child(named name: String) -> Any? {
    switch name {
    case "label": label
    case "isNumber": isNumber
    case "isLong": isLong
    default: nil
    }
  }
}

extension BoardPage.Row: MustacheParent {
  func child(named name: String) -> Any? {
    switch name {
    case "name": self.name
    case "district": district
    case "cells": cells
    default: nil
    }
  }
}

extension BoardPage.District: MustacheParent {
  func child(named name: String) -> Any? {
    switch name {
    case "name": self.name
    case "link": link
    case "anchor": anchor
    case "sum": sum
    case "rows": rows
    default: nil
    }
  }
}

extension BoardPage: MustacheParent {
  func child(named name: String) -> Any? {
    switch name {
    case "frame": frame
    case "province": province
    case "campaign": campaign
    case "when": when
    case "band": band
    case "alert": alert
    case "jumpLabel": jumpLabel
    case "jumps": jumps
    case "pagesLabel": pagesLabel
    case "position": position
    case "pages": pages
    case "caption": caption
    case "columns": columns
    case "districts": districts
    case "totalLabel": totalLabel
    case "total": total
    case "legend": legend
    default: nil
    }
  }
}
