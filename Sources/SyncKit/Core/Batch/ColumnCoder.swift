internal import Foundation

/// Encodes the cells of one column, and decodes them.
///
/// A column of one kind of value is packed by that kind, and compressed when this makes it smaller. A column of several kinds has
/// one tag byte a cell. docs/protocol.md defines every byte.
package enum ColumnCoder {
  /// Bytes below which data is not compressed.
  private static let compressBytesMin = 24

  /// Encodes a column.
  ///
  /// - Parameter cells: One entry for each row; nil where the row did not write this cell.
  package static func encode(name: String, cells: [CellValue?]) throws -> WireColumn {
    var column = WireColumn()
    column.name = name
    let written = cells.compactMap { $0 }
    if written.count < cells.count { column.written = bitmap(cells.map { $0 != nil }) }
    let values = written.filter { !$0.isNull }
    if values.count < written.count { column.nulls = bitmap(written.map(\.isNull)) }
    let (encoding, raw) = pack(values)
    column.encoding = encoding
    column.data = raw
    if raw.count >= compressBytesMin {
      let smaller = try Zlib.compress(raw)
      if smaller.count < raw.count {
        column.data = smaller
        column.inflated = UInt32(raw.count)
      }
    }
    return column
  }

  /// Decodes a column of a hub's page.
  ///
  /// - Parameters:
  ///   - rows: Number of the table's rows in this message.
  ///   - inflatedBytes: Count of bytes inflated over a whole message; past the bound the message is refused.
  /// - Returns: One entry for each row; nil where the row did not write this cell.
  static func decode(_ column: WireColumn, rows: Int, inflatedBytes: inout Int) throws -> [CellValue?] {
    var faults = ColumnFaults()
    let cells = try decode(column, rows: rows, inflatedBytes: &inflatedBytes, faults: &faults)
    guard faults.isEmpty else { throw ByteReader.short }
    return cells
  }

  /// Decodes a column of a device's batch. Cells that cannot be read are recorded in `faults`, and the nearest value takes their
  /// place.
  ///
  /// - Throws: `SyncError` when the rows that wrote the column cannot be told, or too much is inflated.
  static func decode(
    _ column: WireColumn, rows: Int, inflatedBytes: inout Int, faults: inout ColumnFaults
  ) throws -> [CellValue?] {
    let isWritten = column.written.isEmpty ? nil : try bits(column.written, count: rows)
    let writtenCount = isWritten?.count(where: { $0 }) ?? rows
    guard writtenCount <= WireLimits.rowsMax else { throw ByteReader.short }
    let isNull: [Bool]?
    let values: [CellValue?]
    var illTexts: [Int] = []
    do {
      isNull = column.nulls.isEmpty ? nil : try bits(column.nulls, count: writtenCount)
      let raw = try inflated(column, inflatedBytes: &inflatedBytes)
      values = try unpack(column.encoding, raw, count: writtenCount - (isNull?.count(where: { $0 }) ?? 0), illTexts: &illTexts)
    } catch let error as SyncError where error.code == .damaged {
      if case .UNRECOGNIZED = column.encoding { faults.all = .newer } else { faults.all = .unreadable }
      return (0..<rows).map { isWritten?[$0] ?? true ? .null : nil }
    }
    if illTexts.count > ColumnFaults.rowsMax {
      faults.all = .utf8
      illTexts = []
    }
    if isWritten == nil && isNull == nil {
      for row in illTexts { faults.rows[row] = .utf8 }
      return values
    }
    var next = 0
    var nulls = isNull.map { $0.makeIterator() }
    var ill = illTexts.makeIterator()
    var nextIll = ill.next()
    return (0..<rows).map { row in
      guard isWritten?[row] ?? true else { return nil }
      if nulls?.next() == true { return .null }
      defer { next += 1 }
      if next == nextIll {
        faults.rows[row] = .utf8
        nextIll = ill.next()
      }
      return next < values.count ? values[next] : nil
    }
  }

  private static func inflated(_ column: WireColumn, inflatedBytes: inout Int) throws -> Data {
    let size = column.inflated == 0 ? column.data.count : Int(column.inflated)
    guard size <= WireLimits.inflatedBytesMax - inflatedBytes else {
      throw SyncError(
        .tooLarge, vi: "Giải nén ra quá \(WireLimits.inflatedBytesMax >> 20) MiB; từ chối.",
        en: "It inflates to more than \(WireLimits.inflatedBytesMax >> 20) MiB; refused.", expected: UInt64(WireLimits.inflatedBytesMax))
    }
    inflatedBytes += size
    return column.inflated == 0 ? column.data : try Zlib.inflate(column.data, size: size)
  }

  private static func bitmap(_ flags: [Bool]) -> Data {
    var bytes = Data(count: (flags.count + 7) / 8)
    for (index, flag) in flags.enumerated() where flag { bytes[index / 8] |= 1 << UInt8(index % 8) }
    return bytes
  }

  private static func bits(_ bytes: Data, count: Int) throws -> [Bool] {
    guard bytes.count == (count + 7) / 8 else { throw ByteReader.short }
    let base = bytes.startIndex
    return (0..<count).map { bytes[base + $0 / 8] >> UInt8($0 % 8) & 1 == 1 }
  }

  // MARK: One kind of value

  private static func pack(_ values: [CellValue]) -> (WireEncoding, Data) {
    // Packs into an array, which appends single bytes several times faster than Data does.
    var data: [UInt8] = []
    let encoding = pack(values, into: &data)
    return (encoding, Data(data))
  }

  private static func pack(_ values: [CellValue], into data: inout [UInt8]) -> WireEncoding {
    switch kind(of: values) {
    case .integers:
      let integers = values.compactMap(\.integer)
      let steps = zip(integers.dropFirst(), integers).allSatisfy { $0 >= $1 }
      var previous: Int64 = 0
      for value in integers {
        data.appendZigzag(steps ? value &- previous : value)
        previous = value
      }
      return steps ? .integerSteps : .integers
    case .reals:
      for case .real(let number) in values { data.append(real: number) }
      return .reals
    case .texts:
      for case .text(let text) in values { data.appendVarint(UInt64(text.utf8.count)) }
      for case .text(let text) in values { data.append(contentsOf: text.utf8) }
      return .texts
    case .blobs:
      let blobs = values.compactMap(\.blob)
      let equal = blobs.allSatisfy { $0.count == blobs[0].count }
      for blob in equal ? blobs.prefix(1) : blobs[...] { data.appendVarint(UInt64(blob.count)) }
      for blob in blobs { data.append(contentsOf: blob) }
      return equal ? .equalBlobs : .blobs
    default:
      for value in values { value.append(to: &data) }
      return .mixed
    }
  }

  /// Returns the encoding for the one kind that all values have; without values, that of texts.
  private static func kind(of values: [CellValue]) -> WireEncoding {
    func encoding(_ value: CellValue) -> WireEncoding {
      switch value {
      case .integer: .integers
      case .real: .reals
      case .text: .texts
      case .blob: .blobs
      case .null: .mixed
      }
    }
    guard let first = values.first.map(encoding) else { return .texts }
    return values.allSatisfy { encoding($0) == first } ? first : .mixed
  }

  /// Decodes packed values.
  ///
  /// - Parameter illTexts: Receives the indexes of texts that are not UTF-8; the readable part stands in their place.
  /// - Returns: `count` values; optional, because most columns are written in every row, and then these are its cells.
  private static func unpack(_ encoding: WireEncoding, _ raw: Data, count: Int, illTexts: inout [Int]) throws -> [CellValue?] {
    // Bounds the count: every value takes at least a byte, except blobs of equal size 0.
    guard count <= raw.count || (encoding == .equalBlobs && count <= WireLimits.rowsMax) else { throw ByteReader.short }
    var reader = ByteReader(raw)
    var values: [CellValue?] = []
    values.reserveCapacity(count)
    switch encoding {
    case .mixed:
      for place in 0..<count {
        var isIll = false
        values.append(try reader.mixed(isIll: &isIll))
        if isIll { illTexts.append(place) }
      }
    case .integers:
      for _ in 0..<count { values.append(.integer(try reader.zigzag())) }
    case .integerSteps:
      var previous: Int64 = 0
      for _ in 0..<count {
        previous &+= try reader.zigzag()
        values.append(.integer(previous))
      }
    case .reals:
      for _ in 0..<count { values.append(.real(try reader.real())) }
    case .texts:
      let lengths = try (0..<count).map { _ in try reader.varint() }
      for (place, length) in lengths.enumerated() {
        var isIll = false
        values.append(.text(try reader.text(length, isIll: &isIll)))
        if isIll { illTexts.append(place) }
      }
    case .blobs:
      let lengths = try (0..<count).map { _ in try reader.varint() }
      for length in lengths { values.append(.blob(try reader.take(length))) }
    case .equalBlobs:
      let length = count == 0 ? 0 : try reader.varint()
      for _ in 0..<count { values.append(.blob(try reader.take(length))) }
    case .UNRECOGNIZED:
      throw SyncError(.damaged, vi: "Cách mã hóa cột không biết.", en: "Unknown column encoding.")
    }
    guard reader.isAtEnd else { throw ByteReader.short }
    return values
  }
}
