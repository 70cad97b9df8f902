internal import CZlib
internal import Foundation

/// Compresses to zlib streams (RFC 1950), and inflates them with a bound on the result.
enum Zlib {
  /// Compression level: on survey rows level 6 is 15 % smaller than level 1, and a batch is compressed once.
  static let level: Int32 = 6
  private static let chunkBytes = 64 * 1024

  static func compress(_ data: Data) throws -> Data {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    guard synckit_deflate_init(stream, level) == Z_OK else { throw failed }
    defer { deflateEnd(stream) }
    var output = [UInt8](repeating: 0, count: Int(deflateBound(stream, uLong(data.count))))
    var input = [UInt8](data)
    let size = output.count
    let inputSize = input.count
    let result = input.withUnsafeMutableBufferPointer { source in
      output.withUnsafeMutableBufferPointer { target in
        stream.pointee.next_in = source.baseAddress
        stream.pointee.avail_in = uInt(inputSize)
        stream.pointee.next_out = target.baseAddress
        stream.pointee.avail_out = uInt(size)
        return deflate(stream, Z_FINISH)
      }
    }
    guard result == Z_STREAM_END else { throw failed }
    return Data(output.prefix(size - Int(stream.pointee.avail_out)))
  }

  /// Inflates a whole stream that must give exactly `size` bytes. Memory grows only with the result.
  static func inflate(_ data: Data, size: Int) throws -> Data {
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    defer { stream.deallocate() }
    guard synckit_inflate_init(stream) == Z_OK else { throw failed }
    defer { inflateEnd(stream) }
    var input = [UInt8](data)
    let inputSize = input.count
    var output = Data()
    var chunk = [UInt8](repeating: 0, count: min(chunkBytes, size + 1))
    let room = chunk.count
    return try input.withUnsafeMutableBufferPointer { source in
      stream.pointee.next_in = source.baseAddress
      stream.pointee.avail_in = uInt(inputSize)
      while true {
        let result = chunk.withUnsafeMutableBufferPointer { target in
          stream.pointee.next_out = target.baseAddress
          stream.pointee.avail_out = uInt(room)
          return CZlib.inflate(stream, Z_NO_FLUSH)
        }
        let produced = room - Int(stream.pointee.avail_out)
        guard result == Z_OK || result == Z_STREAM_END, output.count + produced <= size else { throw ByteReader.short }
        output.append(contentsOf: chunk[..<produced])
        if result == Z_STREAM_END { break }
        guard produced > 0 || stream.pointee.avail_in > 0 else { throw ByteReader.short }
      }
      guard output.count == size, stream.pointee.avail_in == 0 else { throw ByteReader.short }
      return output
    }
  }

  private static var failed: SyncError {
    SyncError(.internalFault, vi: "Không nén được dữ liệu: hết bộ nhớ.", en: "The data could not be compressed: out of memory.")
  }
}
