internal import Foundation

/// Packing of the parts that one change writes of a cell: members as a JSON object, increments as a run of bytes.
enum CellPacking {
  struct Packed {
    var column: String
    var kind: WireCellKind
    var value: CellValue
    var generation: UInt32
  }

  static func pack(_ cells: [CellChange]) -> [Packed] {
    guard cells.contains(where: { $0.name.part != .whole }) else {
      return cells.map { Packed(column: $0.column, kind: .whole, value: $0.value, generation: $0.generation) }
    }
    var order: [String] = []
    var parts: [String: [CellChange]] = [:]
    for cell in cells {
      if parts[cell.column] == nil { order.append(cell.column) }
      parts[cell.column, default: []].append(cell)
    }
    return order.compactMap { column in
      guard let own = parts[column], let first = own.first else { return nil }
      switch first.name.part {
      case .whole: return Packed(column: column, kind: .whole, value: first.value, generation: first.generation)
      case .member: return Packed(column: column, kind: .members, value: .text(object(own)), generation: 0)
      case .increment: return Packed(column: column, kind: .increments, value: .blob(run(own)), generation: 0)
      }
    }
  }

  private static func object(_ cells: [CellChange]) -> String {
    let members = cells.compactMap { cell -> (String, String)? in
      if case .member(let name) = cell.name.part { (name, cell.value.text ?? "null") } else { nil }
    }
    let sorted = members.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    return "{" + sorted.map { CanonicalJSON.string($0).text + ":" + $1 }.joined(separator: ",") + "}"
  }

  private static func run(_ cells: [CellChange]) -> Data {
    var data = Data()
    for cell in cells {
      guard case .increment(let id) = cell.name.part else { continue }
      data.append(fixed64: id)
      data.appendZigzag(cell.value.integer ?? 0)
    }
    return data
  }

  /// Fault in the parts of a cell: they cannot be told apart, or are not allowed.
  struct Fault: Error {
    var why: UnitFault.Why
    /// Cells to show instead: the parts with allowed names, or the value as it came.
    var nearest: [CellChange]
  }

  static func unpack(_ packed: Packed) throws(Fault) -> [CellChange] {
    let whole = CellChange(packed.column, packed.value)
    guard packed.kind == .whole || packed.generation == 0 else { throw Fault(why: .generation, nearest: [whole]) }
    switch packed.kind {
    case .whole: return [CellChange(packed.column, packed.value, generation: packed.generation)]
    case .members:
      guard case .text(let text) = packed.value else { throw Fault(why: .kind, nearest: [whole]) }
      let json: CanonicalJSON
      do throws(JSONReader.Fault) {
        json = try CanonicalJSON.read(Data(text.utf8), depthMax: CellParts.jsonDepthMax)
      } catch {
        throw Fault(why: error == .repeatedName ? .member : .json, nearest: [whole])
      }
      guard case .object(let object) = json else { throw Fault(why: .json, nearest: [whole]) }
      guard object.count <= WireLimits.partsPerCellMax else { throw Fault(why: .parts, nearest: [whole]) }
      var why: UnitFault.Why?
      let cells = object.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { name, value in
        let plain = name.withoutZeroBytes.nfc
        // Refuses a name in another spelling: two spellings would be two members here, and one elsewhere.
        if !plain.utf8.elementsEqual(name.utf8) { why = name.hasZeroByte ? .zeroByte : .nfc }
        return CellChange(packed.column, value == .null ? .null : .text(value.text), part: .member(plain))
      }
      if let why { throw Fault(why: why, nearest: cells) }
      return cells
    case .increments:
      guard case .blob(let run) = packed.value else { throw Fault(why: .kind, nearest: [whole]) }
      var reader = ByteReader(run)
      var cells: [CellChange] = []
      var ids = Set<UInt64>()
      while !reader.isAtEnd {
        guard let id = try? reader.fixed64(), let amount = try? reader.zigzag() else { throw Fault(why: .unreadable, nearest: [whole]) }
        guard ids.count < WireLimits.partsPerCellMax else { throw Fault(why: .parts, nearest: [whole]) }
        guard ids.insert(id).inserted, amount.magnitude <= WireLimits.incrementMax.magnitude else {
          throw Fault(why: .increment, nearest: [whole])
        }
        cells.append(CellChange(packed.column, .integer(amount), part: .increment(id)))
      }
      return cells
    case .UNRECOGNIZED: throw Fault(why: .newer, nearest: [whole])
    }
  }
}
