internal import Foundation
internal import SyncCore

#if os(Linux) || os(macOS)
  internal import CLibzip
#endif

/// Named parts of a zip file held in memory. Nothing is written to disk, and only requested parts are inflated.
struct ZipPackage {
  /// Bytes of a file as it was saved.
  static let packageBytesMax = 8 << 20
  /// Entries of any kind.
  static let packageEntriesMax = 2_000
  /// Largest part after inflating, in bytes; libxml2 reads no more than 10 000 000 and calls a longer one damaged.
  static let partBytesMax = 9 << 20
  /// Most bytes inflated from one file, all parts together.
  static let inflatedBytesMax = 48 << 20

  private let parts: [String: Data]

  /// Reads the parts whose names `isWanted`; names compare without regard to case, as the format requires.
  ///
  /// - Throws: `WorkbookFault` when it is no zip file, is damaged, encrypted, or beyond a bound.
  init(_ data: Data, isWanted: (String) -> Bool) throws(WorkbookFault) {
    guard data.count <= Self.packageBytesMax else { throw WorkbookFault(.tooLarge) }
    guard data.starts(with: Array("PK".utf8)) else { throw WorkbookFault(Self.kind(ofOther: data)) }
    #if os(Linux) || os(macOS)
      let result = data.withUnsafeBytes { bytes in Self.read(bytes, isWanted: isWanted) }
      parts = try result.get()
    #else
      throw WorkbookFault(.notHere)
    #endif
  }

  /// Returns the probable kind of a file that is no zip.
  private static func kind(ofOther data: Data) -> WorkbookFault.Kind {
    if data.isEmpty { return .empty }
    if data.starts(with: [0xD0, 0xCF, 0x11, 0xE0]) {
      let encrypted = Data("EncryptedPackage".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] })
      return data.range(of: encrypted) == nil ? .old : .locked
    }
    return !data.contains(0) && String(data: data, encoding: .utf8) != nil ? .plainText : .notAWorkbook
  }

  /// Bytes of a part; nil when there is none. A leading slash is ignored.
  subscript(name: String) -> Data? { parts[Self.key(name)] }

  static func key(_ name: String) -> String {
    String(name.drop { $0 == "/" }).lowercased()
  }

  #if os(Linux) || os(macOS)
    private static func read(
      _ bytes: UnsafeRawBufferPointer, isWanted: (String) -> Bool
    ) -> Result<[String: Data], WorkbookFault> {
      guard let source = zip_source_buffer_create(bytes.baseAddress, zip_uint64_t(bytes.count), 0, nil) else {
        return .failure(WorkbookFault(.damaged))
      }
      guard let archive = zip_open_from_source(source, ZIP_RDONLY, nil) else {
        zip_source_free(source)
        return .failure(WorkbookFault(.damaged))
      }
      defer { zip_discard(archive) }
      let count = zip_get_num_entries(archive, 0)
      guard count >= 0, count <= packageEntriesMax else { return .failure(WorkbookFault(.tooManyParts)) }
      var parts: [String: Data] = [:]
      var left = inflatedBytesMax
      for index in 0..<zip_uint64_t(count) {
        guard let raw = zip_get_name(archive, index, 0) else { continue }
        let name = key(String(cString: raw))
        guard isWanted(name), parts[name] == nil else { continue }
        switch part(archive, index, bytesMax: min(partBytesMax, left)) {
        case .success(let data):
          left -= data.count
          parts[name] = data
        case .failure(let fault): return .failure(fault)
        }
      }
      return .success(parts)
    }

    /// Inflates at most one byte more than allowed, whatever size the directory claims.
    private static func part(_ archive: OpaquePointer, _ index: zip_uint64_t, bytesMax: Int) -> Result<Data, WorkbookFault> {
      guard let file = zip_fopen_index(archive, index, 0) else { return .failure(WorkbookFault(.damaged)) }
      defer { zip_fclose(file) }
      var data = Data()
      var chunk = [UInt8](repeating: 0, count: 64 << 10)
      while true {
        let read = zip_fread(file, &chunk, zip_uint64_t(chunk.count))
        guard read >= 0 else { return .failure(WorkbookFault(.damaged)) }
        guard read > 0 else { return .success(data) }
        guard data.count + Int(read) <= bytesMax else { return .failure(WorkbookFault(.inflatesTooFar)) }
        data.append(contentsOf: chunk[..<Int(read)])
      }
    }
  #endif
}
