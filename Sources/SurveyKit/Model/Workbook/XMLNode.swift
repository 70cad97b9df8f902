internal import Foundation
internal import SyncCore

/// Element of a small XML document, with its children. Prefixes of elements and attributes are left out.
final class XMLNode {
  /// Elements of a document.
  static let xmlNodesMax = 100_000

  let name: String
  private(set) var attributes: [String: String] = [:]
  private(set) var children: [XMLNode] = []
  /// Text directly inside, also around children; an `output` inside shows as `${name}`.
  fileprivate(set) var text = ""

  fileprivate init(name: String, attributes: [String: String]) {
    self.name = name
    for (key, value) in attributes where !key.hasPrefix("xmlns") { self.attributes[XMLEvents.local(key)] = value }
  }

  /// Reads a document, and returns its root.
  static func document(_ data: Data) throws(WorkbookFault) -> XMLNode {
    var open: [XMLNode] = [XMLNode(name: "", attributes: [:])]
    var count = 0
    try XMLEvents.read(data) { event in
      switch event {
      case .start(let name, let attributes):
        count += 1
        guard count <= xmlNodesMax, let parent = open.last else { return WorkbookFault(.tooDeep) }
        let node = XMLNode(name: name, attributes: attributes)
        if name == "output", let last = node.attributes["value"]?.split(separator: "/").last {
          parent.text += "${\(String(last).trimmingWhitespace)}"
        }
        parent.children.append(node)
        open.append(node)
      case .text(let text): open.last?.text += text
      case .end: if open.count > 1 { open.removeLast() }
      }
      return nil
    }
    guard let root = open[0].children.first else { throw WorkbookFault(.notXML) }
    return root
  }

  func first(_ name: String) -> XMLNode? { children.first { $0.name == name } }

  func all(_ name: String) -> [XMLNode] { children.filter { $0.name == name } }
}
