// XML out and in: what is written survives a parser, and what is read stays inside the limits.
#include "api_gateway/protocol/xml.h"

#include <gtest/gtest.h>

namespace ashlar::api_gateway {
namespace {

std::string Delete(const std::string& inner) { return "<Delete>" + inner + "</Delete>"; }

S3Code DeleteError(const std::string& body) { return ParseDeleteObjects(body).error().code; }

TEST(XmlWriter, EscapesAndReferences) {
  std::string out;
  XmlWriter xml(&out);
  xml.Open("R", kS3Namespace);
  xml.Text("K", "<&>\"'\n\t\r\x01\xef\xbf\xbeé😀\xff");
  xml.Number("N", 18446744073709551615u);
  xml.Bool("B", false);
  xml.Name("U", "a b/%", true);
  xml.Name("V", "a b/%", false);
  xml.Close("R");
  EXPECT_EQ(out,
            "<R xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
            "<K>&lt;&amp;&gt;&quot;'&#xa;&#x9;&#xd;&#x1;&#xfffe;é😀\xef\xbf\xbd</K>"
            "<N>18446744073709551615</N><B>false</B><U>a%20b/%25</U><V>a b/%</V></R>");
}

TEST(DeleteObjects, TakesWhatClientsSend) {
  const auto request = ParseDeleteObjects(
      "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c -->\n"
      "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\n"
      "  <Object><Key>a%2Fb &amp; &#x1;</Key></Object>\n"
      "  <Object><Key> </Key><VersionId>v</VersionId><ETag>\"e\"</ETag><Size>7</Size></Object>\n"
      "  <Object><Key><![CDATA[<x>]]></Key></Object><Quiet>true</Quiet>\n</Delete>\n");
  ASSERT_TRUE(request.ok());
  EXPECT_TRUE(request->quiet);
  ASSERT_EQ(request->objects.size(), 3u);
  EXPECT_EQ(request->objects[0].key, "a%2Fb & \x01");
  EXPECT_EQ(request->objects[1].key, " ");
  EXPECT_EQ(request->objects[1].version_id, "v");
  EXPECT_EQ(request->objects[1].etag, "e");
  EXPECT_EQ(request->objects[1].size, 7u);
  EXPECT_EQ(request->objects[2].key, "<x>");
}

TEST(DeleteObjects, RefusesWhatIsMalformed) {
  const std::string object = "<Object><Key>k</Key></Object>";
  EXPECT_TRUE(ParseDeleteObjects(Delete(object)).ok());
  for (const std::string& body :
       {std::string(), std::string("{}"), Delete(""), Delete("<Object/>"),
        Delete("<Object><Key/></Object>"), Delete(object + "<Other/>"),
        Delete("<Object><Key>k</Key><Key>l</Key></Object>"),
        Delete("<Object><Key><b>k</b></Key></Object>"), Delete(object + "text"),
        Delete("<Object><Key>k</Key><Kee>l</Kee></Object>"), Delete(object + "<Quiet>yes</Quiet>"),
        Delete(object) + Delete(object), Delete(object) + "x", "<Delete>" + object,
        "<Remove>" + object + "</Remove>", Delete(object + "\xff")}) {
    EXPECT_EQ(DeleteError(body), S3Code::kMalformedXml) << body;
  }
  std::string many;
  for (int i = 0; i < 1000; ++i) many += object;
  EXPECT_TRUE(ParseDeleteObjects(Delete(many)).ok());
  EXPECT_EQ(DeleteError(Delete(many + object)), S3Code::kMalformedXml);
  EXPECT_EQ(DeleteError(Delete(object + std::string(kDeleteObjectsBytesMax, ' '))),
            S3Code::kMalformedXml);
}

TEST(XmlLimits, NoDocumentTypesNoEntitiesNoDepth) {
  const std::string object = "<Object><Key>k</Key></Object>";
  for (const std::string& body :
       {"<!DOCTYPE Delete [<!ENTITY x \"y\">]>" + Delete(object),
        "<!DOCTYPE Delete SYSTEM \"file:///etc/passwd\">" + Delete(object),
        Delete("<Object><Key>&x;</Key></Object>"), Delete("<Object><Key>&#0;</Key></Object>"),
        Delete("<Object><Key>&#xD800;</Key></Object>"), Delete("<Object><Key>&amp</Key></Object>"),
        Delete("<?php x?>" + object), Delete("<Object><Key>&#99999999999999;</Key></Object>")}) {
    EXPECT_EQ(DeleteError(body), S3Code::kMalformedXml) << body;
  }
  const auto nested = [](int depth) {
    std::string open, close;
    for (int i = 0; i < depth; ++i) {
      open += "<a>";
      close += "</a>";
    }
    return open + close;
  };
  EXPECT_TRUE(IsPlainXml(nested(kXmlDepthMax), 1000));
  EXPECT_FALSE(IsPlainXml(nested(kXmlDepthMax + 1), 1000));
  const auto attributes = [](int count) {
    std::string tag = "<a";
    for (int i = 0; i < count; ++i) tag += " n" + std::to_string(i) + "='v'";
    return tag + "/>";
  };
  EXPECT_TRUE(IsPlainXml(attributes(kXmlAttributesMax), 1000));
  EXPECT_FALSE(IsPlainXml(attributes(kXmlAttributesMax + 1), 1000));
  EXPECT_TRUE(IsPlainXml("<" + std::string(256, 'a') + "/>", 1000));
  EXPECT_FALSE(IsPlainXml("<" + std::string(257, 'a') + "/>", 1000));
  EXPECT_FALSE(IsPlainXml("<a/><b/>", 1000));
  EXPECT_FALSE(IsPlainXml("<a><b/>", 1000));
  EXPECT_FALSE(IsPlainXml("<a x='<'/>", 1000));
  EXPECT_FALSE(IsPlainXml("<a/>", 3));
}

TEST(CompleteMultipart, Parts) {
  const auto parts = ParseCompleteMultipartUpload(
      "<CompleteMultipartUpload><Part><ETag>&quot;abc&quot;</ETag><PartNumber> 2 </PartNumber>"
      "<ChecksumCRC32>AAAAAA==</ChecksumCRC32></Part><Part><PartNumber>1</PartNumber>"
      "<ETag>def</ETag></Part></CompleteMultipartUpload>");
  ASSERT_TRUE(parts.ok());
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].part_number, 2);
  EXPECT_EQ((*parts)[0].etag, "abc");
  EXPECT_EQ((*parts)[0].checksums[0].first, "ChecksumCRC32");
  EXPECT_EQ((*parts)[0].checksums[0].second, "AAAAAA==");
  EXPECT_EQ((*parts)[1].etag, "def");
}

TEST(CompleteMultipart, Refusals) {
  const auto code = [](const std::string& inner) {
    return ParseCompleteMultipartUpload("<CompleteMultipartUpload>" + inner +
                                        "</CompleteMultipartUpload>")
        .error()
        .code;
  };
  EXPECT_EQ(ParseCompleteMultipartUpload("").error().message, "You must specify at least one part");
  EXPECT_EQ(code(""), S3Code::kInvalidRequest);
  EXPECT_EQ(code("<Part><PartNumber>1</PartNumber></Part>"), S3Code::kMalformedXml);
  EXPECT_EQ(code("<Part><ETag>a</ETag></Part>"), S3Code::kMalformedXml);
  EXPECT_EQ(code("<Part><PartNumber>x</PartNumber><ETag>a</ETag></Part>"), S3Code::kMalformedXml);
  EXPECT_EQ(code("<Part><PartNumber>0</PartNumber><ETag>a</ETag></Part>"),
            S3Code::kInvalidArgument);
  EXPECT_EQ(code("<Part><PartNumber>10001</PartNumber><ETag>a</ETag></Part>"),
            S3Code::kInvalidArgument);
  EXPECT_EQ(
      code("<Part><PartNumber>1</PartNumber><ETag>a</ETag><ChecksumMD4>x</ChecksumMD4></Part>"),
      S3Code::kMalformedXml);
}

}  // namespace
}  // namespace ashlar::api_gateway
