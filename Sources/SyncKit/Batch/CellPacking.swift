internal import Foundation

/// The parts that one change writes of a cell travel together: members as a JSON object, increments as a run of bytes.
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

  /// - Throws: `SyncError` `.damaged` for what is no object or run, or has too many parts.
  static func unpack(_ packed: Packed) throws -> [CellChange] {
    switch packed.kind {
    case .whole: return [CellChange(packed.column, packed.value, generation: packed.generation)]
    case .members:
      guard packed.generation == 0, case .text(let text) = packed.value,
        case .object(let object)? = CanonicalJSON.parse(Data(text.utf8), depthMax: CellParts.jsonDepthMax),
        object.count <= WireLimits.partsPerCellMax
      else { throw ByteReader.short }
      return try object.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { name, json in
        // Two spellings of one name would be two members here and one elsewhere.
        guard name.nfc.utf8.elementsEqual(name.utf8) else { throw ByteReader.short }
        return CellChange(packed.column, json == .null ? .null : .text(json.text), part: .member(name))
      }
    case .increments:
      guard packed.generation == 0, case .blob(let run) = packed.value else { throw ByteReader.short }
      var reader = ByteReader(run)
      var cells: [CellChange] = []
      var ids = Set<UInt64>()
      while !reader.isAtEnd {
        let id = try reader.fixed64()
        let amount = try reader.zigzag()
        guard ids.insert(id).inserted, ids.count <= WireLimits.partsPerCellMax, amount.magnitude <= WireLimits.incrementMax.magnitude else {
          throw ByteReader.short
        }
        cells.append(CellChange(packed.column, .integer(amount), part: .increment(id)))
      }
      return cells
    case .UNRECOGNIZED:
      throw SyncError(
        .badRequest, vi: "Dữ liệu có kiểu ô chưa biết; hãy nâng cấp.", en: "The data has an unknown kind of cell; upgrade this side.")
    }
  }
}
