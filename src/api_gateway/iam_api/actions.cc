#include "api_gateway/iam_api/actions.h"

namespace ashlar::api_gateway::iam_api {
namespace {

constexpr Action kActions[] = {
    {"CreateUser",
     "iam:CreateUser",
     Service::kIam,
     About::kNewUser,
     {"UserName"},
     {"Path"},
     CreateUser},
    {"GetUser", "iam:GetUser", Service::kIam, About::kUserOrCaller, {}, {"UserName"}, GetUser},
    {"ListUsers",
     "iam:ListUsers",
     Service::kIam,
     About::kUsers,
     {},
     {"Marker", "MaxItems", "PathPrefix"},
     ListUsers},
    {"DeleteUser", "iam:DeleteUser", Service::kIam, About::kUser, {"UserName"}, {}, DeleteUser},
    {"CreateAccessKey",
     "iam:CreateAccessKey",
     Service::kIam,
     About::kUserOrCaller,
     {},
     {"UserName"},
     CreateAccessKey},
    {"ListAccessKeys",
     "iam:ListAccessKeys",
     Service::kIam,
     About::kUserOrCaller,
     {},
     {"UserName", "Marker", "MaxItems"},
     ListAccessKeys},
    {"UpdateAccessKey",
     "iam:UpdateAccessKey",
     Service::kIam,
     About::kUserOrCaller,
     {"AccessKeyId", "Status"},
     {"UserName"},
     UpdateAccessKey},
    {"DeleteAccessKey",
     "iam:DeleteAccessKey",
     Service::kIam,
     About::kUserOrCaller,
     {"AccessKeyId"},
     {"UserName"},
     DeleteAccessKey},
    {"PutUserPolicy",
     "iam:PutUserPolicy",
     Service::kIam,
     About::kUser,
     {"UserName", "PolicyName", "PolicyDocument"},
     {},
     PutUserPolicy},
    {"GetUserPolicy",
     "iam:GetUserPolicy",
     Service::kIam,
     About::kUser,
     {"UserName", "PolicyName"},
     {},
     GetUserPolicy},
    {"ListUserPolicies",
     "iam:ListUserPolicies",
     Service::kIam,
     About::kUser,
     {"UserName"},
     {"Marker", "MaxItems"},
     ListUserPolicies},
    {"DeleteUserPolicy",
     "iam:DeleteUserPolicy",
     Service::kIam,
     About::kUser,
     {"UserName", "PolicyName"},
     {},
     DeleteUserPolicy},
    {"GetCallerIdentity", "", Service::kSts, About::kNothing, {}, {}, GetCallerIdentity},
};

}  // namespace

std::span<const Action> Actions() { return kActions; }

const Action* FindAction(Service service, std::string_view name) {
  for (const Action& action : kActions) {
    if (action.service == service && action.name == name) return &action;
  }
  return nullptr;
}

}  // namespace ashlar::api_gateway::iam_api
