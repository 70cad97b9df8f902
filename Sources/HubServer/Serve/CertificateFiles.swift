#if TLS
  internal import Foundation
  internal import Logging
  internal import NIOCore
  internal import NIOSSL
  internal import ServiceLifecycle
  internal import Synchronization
  internal import ToolSupport

  /// The hub's certificate and key as they lie on the disk, where another program renews them: connections that begin later use the new
  /// ones, and no other is ended. What does not fit together, such as files that are half written, is not taken.
  final class CertificateFiles: Service {
    private struct State {
      var pair: NIOSSLContextConfigurationOverride
      /// Marks of both files at the last look.
      var seen: [FileMark?]
    }

    /// Tells a file that was written anew from the same file.
    private struct FileMark: Equatable {
      var changed: Date?
      var bytes: Int?
      var inode: Int?
    }

    /// Between two looks at the files.
    private static let lookEvery = Duration.seconds(5)

    private let certificate: String
    private let key: String
    private let logger: Logger
    private let state: Mutex<State>

    /// - Throws: `ToolError` when the two files are no certificate with its key.
    init(certificate: String, key: String, logger: Logger) throws {
      (self.certificate, self.key, self.logger) = (certificate, key, logger)
      let seen = [Self.mark(of: certificate), Self.mark(of: key)]
      do {
        state = Mutex(State(pair: try Self.read(certificate, key), seen: seen))
      } catch {
        throw ToolError(
          vi: "Không dùng được chứng thư \(certificate) với khóa \(key); cần hai tệp PEM khớp nhau.",
          en: "The certificate \(certificate) and key \(key) cannot be used; two matching PEM files are needed.")
      }
    }

    /// The configuration of a server that asks at each handshake for what the files held at the last look.
    func configuration() throws -> TLSConfiguration {
      let pair = state.withLock { $0.pair }
      guard let chain = pair.certificateChain, let key = pair.privateKey else { throw NIOSSLError.failedToLoadCertificate }
      var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
      configuration.sslContextCallback = { [self] _, promise in promise.succeed(state.withLock { $0.pair }) }
      return configuration
    }

    /// Looks at the files until the hub stops. Never during a handshake: what BoringSSL notes of a pair that does not fit would end the
    /// handshake of its thread, too.
    func run() async throws {
      try? await cancelWhenGracefulShutdown {
        while true {
          try await Task.sleep(for: Self.lookEvery)
          self.look()
        }
      }
    }

    private func look() {
      let seen = [Self.mark(of: certificate), Self.mark(of: key)]
      guard seen != state.withLock({ $0.seen }) else { return }
      do {
        let pair = try Self.read(certificate, key)
        state.withLock { $0 = State(pair: pair, seen: seen) }
        logger.notice("the certificate was renewed")
      } catch {
        // Looked at again: whoever renews them writes one after the other.
        logger.warning("the certificate and its key do not fit together; the earlier ones are used", metadata: ["error": "\(error)"])
      }
    }

    private static func read(_ certificate: String, _ key: String) throws -> NIOSSLContextConfigurationOverride {
      var pair = NIOSSLContextConfigurationOverride()
      let chain = try NIOSSLCertificate.fromPEMFile(certificate).map { NIOSSLCertificateSource.certificate($0) }
      let source = NIOSSLPrivateKeySource.privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
      // Fails where the key is another certificate's.
      _ = try NIOSSLContext(configuration: .makeServerConfiguration(certificateChain: chain, privateKey: source))
      (pair.certificateChain, pair.privateKey) = (chain, source)
      return pair
    }

    private static func mark(of path: String) -> FileMark? {
      guard let found = try? FileManager.default.attributesOfItem(atPath: (path as NSString).resolvingSymlinksInPath) else { return nil }
      return FileMark(
        changed: found[.modificationDate] as? Date, bytes: (found[.size] as? NSNumber)?.intValue,
        inode: (found[.systemFileNumber] as? NSNumber)?.intValue)
    }
  }
#endif
