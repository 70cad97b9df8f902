internal import Foundation
internal import SyncCore

#if canImport(FoundationXML)
  internal import FoundationXML
#endif

/// Reads XML from outside as a series of events: no document type, no entities but XML's own five, bounded depth.
final class XMLEvents: NSObject, XMLParserDelegate {
  /// Deepest nesting of elements.
  static let xmlDepthMax = 64
  /// Attributes of an element: the parser compares each with all others.
  static let xmlAttributesMax = 256

  enum Event {
    /// Start of an element: its name without prefix; attributes as written.
    case start(String, [String: String])
    case text(String)
    case end(String)
  }

  private let handle: (Event) -> WorkbookFault?
  private var depth = 0
  private var hasRoot = false
  private var fault: WorkbookFault?

  private init(_ handle: @escaping (Event) -> WorkbookFault?) { self.handle = handle }

  /// Reads a document.
  ///
  /// - Parameter handle: Returns a reason to stop, or nil to go on.
  static func read(_ data: Data, _ handle: @escaping (Event) -> WorkbookFault?) throws(WorkbookFault) {
    if let fault = refusal(of: data) { throw fault }
    let parser = XMLParser(data: data)
    parser.shouldResolveExternalEntities = false
    let events = XMLEvents(handle)
    parser.delegate = events
    let isRead = parser.parse()
    if let fault = events.fault { throw fault }
    // Checks that the root was closed: on Linux the parser can report success for a file that stops half-way.
    guard isRead, parser.parserError == nil, events.hasRoot, events.depth == 0 else { throw WorkbookFault(.notXML) }
  }

  /// Refuses a document type, which could declare external or exploding entities. The check is by bytes, before any parser sees
  /// them; it is sound because only UTF-8 is accepted.
  private static func refusal(of data: Data) -> WorkbookFault? {
    guard !data.contains(0), String(validating: data, as: UTF8.self) != nil else { return WorkbookFault(.notUTF8) }
    let opening = String(decoding: data.prefix(256), as: UTF8.self)
    if let declaration = opening.range(of: "encoding"), let end = opening.range(of: "?>"), declaration.lowerBound < end.lowerBound {
      let named = opening[declaration.upperBound..<end.lowerBound].lowercased()
      guard named.contains("utf-8") || named.contains("utf8") || named.contains("us-ascii") else { return WorkbookFault(.notUTF8) }
    }
    guard data.range(of: Data("<!DOCTYPE".utf8)) == nil, data.range(of: Data("<!ENTITY".utf8)) == nil else {
      return WorkbookFault(.doctype)
    }
    return data.withUnsafeBytes { mostAttributes(in: $0) } > xmlAttributesMax ? WorkbookFault(.tooManyAttributes) : nil
  }

  /// Beginnings and ends of comments, plain text and instructions, which are no elements.
  private static let others = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")].map { (Array($0.utf8), Array($1.utf8)) }

  /// Returns the largest number of `=` outside quotes in one tag, which is its number of attributes. Stops counting one above the bound.
  private static func mostAttributes(in bytes: UnsafeRawBufferPointer) -> Int {
    var most = 0
    var place = 0
    func begins(_ text: [UInt8]) -> Bool { place + text.count <= bytes.count && bytes[place..<(place + text.count)].elementsEqual(text) }
    while place < bytes.count {
      guard bytes[place] == UInt8(ascii: "<") else {
        place += 1
        continue
      }
      let next = place + 1 < bytes.count ? bytes[place + 1] : 0
      if next == UInt8(ascii: "!") || next == UInt8(ascii: "?"), let (start, end) = others.first(where: { begins($0.0) }) {
        place += start.count
        while place < bytes.count, bytes[place] != end[0] || !begins(end) { place += 1 }
        continue
      }
      var count = 0
      var quote: UInt8?
      while place < bytes.count, quote != nil || bytes[place] != UInt8(ascii: ">") {
        let byte = bytes[place]
        place += 1
        if byte == quote {
          quote = nil
        } else if quote == nil {
          if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") { quote = byte }
          if byte == UInt8(ascii: "=") { count += 1 }
        }
        if count > xmlAttributesMax { return count }
      }
      most = max(most, count)
    }
    return most
  }

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    depth += 1
    hasRoot = true
    if depth > Self.xmlDepthMax { stop(parser, WorkbookFault(.tooDeep)) }
    send(.start(Self.local(name), attributes), parser)
  }

  func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
    depth -= 1
    send(.end(Self.local(name)), parser)
  }

  func parser(_ parser: XMLParser, foundCharacters text: String) { send(.text(text), parser) }

  func parser(_ parser: XMLParser, foundCDATA block: Data) { send(.text(String(decoding: block, as: UTF8.self)), parser) }

  private func send(_ event: Event, _ parser: XMLParser) {
    guard fault == nil else { return }
    if let reason = handle(event) { stop(parser, reason) }
  }

  private func stop(_ parser: XMLParser, _ reason: WorkbookFault) {
    guard fault == nil else { return }
    fault = reason
    parser.abortParsing()
  }

  /// Returns `x:sheet` as `sheet`.
  static func local(_ name: String) -> String {
    name.lastIndex(of: ":").map { String(name[name.index(after: $0)...]) } ?? name
  }
}
