#include "api_gateway/documents/versioning.h"

#include <optional>

#include "api_gateway/operations/common/responses.h"
#include "api_gateway/protocol/xml_walk.h"

namespace ashlar::api_gateway {

S3Result<model::Versioning> ParseVersioning(std::string_view body) {
  pugi::xml_document document;
  if (!LoadXml(body, kVersioningBytesMax, "VersioningConfiguration", &document)) {
    return MalformedXml();
  }
  std::optional<std::string> status;
  std::optional<std::string> mfa_delete;
  const bool known =
      EachXmlField(document.document_element(), [&](std::string_view name, std::string& text) {
        std::optional<std::string>& field = name == "Status" ? status : mfa_delete;
        if ((name != "Status" && name != "MfaDelete") || field) return false;
        field = std::move(text);
        return true;
      });
  if (!known) return MalformedXml();
  if (mfa_delete && *mfa_delete != "Disabled") {
    if (*mfa_delete != "Enabled") return MalformedXml();
    return S3Error(S3Code::kNotImplemented, "MFA delete is not implemented");
  }
  if (!status) return S3Error(S3Code::kIllegalVersioningConfigurationException);
  if (*status == "Enabled") return model::Versioning::kEnabled;
  if (*status == "Suspended") return model::Versioning::kSuspended;
  return MalformedXml();
}

std::string RenderVersioning(model::Versioning versioning) {
  return XmlDocument("VersioningConfiguration", [versioning](XmlWriter& xml) {
    if (versioning == model::Versioning::kEnabled) xml.Text("Status", "Enabled");
    if (versioning == model::Versioning::kSuspended) xml.Text("Status", "Suspended");
  });
}

}  // namespace ashlar::api_gateway
