#include "api_gateway/iam_api/iam_error.h"

#include "api_gateway/protocol/xml.h"

namespace ashlar::api_gateway::iam_api {
namespace {

std::string Namespace(Service service) {
  return "https://" + std::string(ServiceName(service)) + ".amazonaws.com/doc/" +
         std::string(ServiceVersion(service)) + "/";
}

}  // namespace

std::string_view ServiceName(Service service) { return service == Service::kIam ? "iam" : "sts"; }

std::string_view ServiceVersion(Service service) {
  return service == Service::kIam ? "2010-05-08" : "2011-06-15";
}

IamError ValidationError(std::string message) {
  return {400, "ValidationError", std::move(message)};
}

IamError FromRefusal(const Status& status) {
  switch (status.code()) {
    case Code::kAlreadyExists: return {409, "EntityAlreadyExists", status.message()};
    case Code::kNotFound: return {404, "NoSuchEntity", status.message()};
    case Code::kConflict: return {409, "DeleteConflict", status.message()};
    case Code::kNoSpace: return {409, "LimitExceeded", status.message()};
    case Code::kInvalidArgument: return ValidationError(status.message());
    case Code::kOverloaded:
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
      return {503, "ServiceUnavailable", "The store cannot answer now. Please try again."};
    default:
      return {500, "ServiceFailure",
              "The request processing has failed because of an unknown error."};
  }
}

IamError FromAuthentication(const S3Error& error) {
  switch (error.code) {
    case S3Code::kInvalidAccessKeyId:
    case S3Code::kInvalidToken:
      return {403, "InvalidClientTokenId",
              "The security token included in the request is invalid."};
    case S3Code::kSignatureDoesNotMatch:
      return {403, "SignatureDoesNotMatch",
              "The request signature we calculated does not match the signature you provided. "
              "Check your AWS Secret Access Key and signing method. Consult the service "
              "documentation for details."};
    case S3Code::kRequestTimeTooSkewed:
      return {403, "SignatureDoesNotMatch",
              "Signature not valid at this time: the request was signed at " +
                  std::string(error.Field("RequestTime")) + ", the server's time is " +
                  std::string(error.Field("ServerTime")) + "."};
    case S3Code::kMaxMessageLengthExceeded:
      return {413, "RequestEntityTooLarge", "The request is too large."};
    case S3Code::kAccessDenied:
    case S3Code::kAuthorizationHeaderMalformed:
    case S3Code::kInvalidArgument:
    case S3Code::kInvalidRequest: return {400, "IncompleteSignature", error.message};
    default: return {error.http_status, std::string(S3CodeName(error.code)), error.message};
  }
}

std::string RenderIamError(const IamError& error, Service service, std::string_view request_id) {
  std::string out;
  XmlWriter xml(&out);
  xml.Open("ErrorResponse", Namespace(service));
  xml.Open("Error");
  xml.Text("Type", error.http_status < 500 ? "Sender" : "Receiver");
  xml.Text("Code", error.code);
  xml.Text("Message", error.message);
  xml.Close("Error");
  xml.Text("RequestId", request_id);
  xml.Close("ErrorResponse");
  return out;
}

std::string RenderIamAnswer(std::string_view action, std::string_view result, Service service,
                            std::string_view request_id) {
  std::string out;
  XmlWriter xml(&out);
  const std::string name(action);
  xml.Open(name + "Response", Namespace(service));
  if (!result.empty()) {
    xml.Open(name + "Result");
    out += result;
    xml.Close(name + "Result");
  }
  xml.Open("ResponseMetadata");
  xml.Text("RequestId", request_id);
  xml.Close("ResponseMetadata");
  xml.Close(name + "Response");
  return out;
}

}  // namespace ashlar::api_gateway::iam_api
