internal import Mustache

// Results are thousands of cells, and the template engine looks each field up in all that stands around it. Found by reflection, that takes
// ten times as long as reading the hub; so what tables are made of says its fields itself.

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
