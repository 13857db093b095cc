"""The checks are checked: each rule must accept good code and refuse the code it is there for."""

import pathlib
import sys
import tempfile
import tomllib
import unittest

TOOLS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOOLS))
import check_layers  # noqa: E402
import check_style  # noqa: E402
import count_tests  # noqa: E402
import source_groups  # noqa: E402
import wrap_comments  # noqa: E402

TABLE = """
[components]
base = []
runtime = ["base"]
model = ["base", "runtime"]
gateway = ["base", "model"]
[outside]
bench = ["*"]
tests = ["*", "bench"]
[tests]
model = ["gateway"]
[platform]
owner = "runtime"
includes = ["thread", "boost/asio*"]
harmless = ["boost/asio/buffer.hpp"]
calls = ["steady_clock::now"]
"""
GOOD = {
    "src/base/status.h": "",
    "src/runtime/clock.h": '#include "base/status.h"\n',
    "src/runtime/clock.cc": "#include <thread>\nauto t = steady_clock::now();\n",
    "src/model/names.h": '#include "runtime/clock.h"\n#include "model/private/detail.h"\n',
    "src/model/private/detail.h": "#include <boost/asio/buffer.hpp>\n",
    "src/model/tests/names_test.cc": '#include <thread>\n#include "model/private/detail.h"\n'
                                     '#include "gateway/gateway.h"\n',
    "src/gateway/gateway.h": '#include "model/names.h"\n// steady_clock::now in a comment\n',
    "bench/load/load.cc": '#include "gateway/gateway.h"\n#include "load/load.h"\n',
    "bench/load/load.h": "",
    "tests/histories/client.h": '#include "bench/load/load.h"\n',
}


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name).resolve()

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


class Layers(Tree):
    def errors(self, changes, table=TABLE):
        self.write({**GOOD, **changes})
        return check_layers.Checker(self.root, tomllib.loads(table)).run()

    def refuse(self, changes, text, table=TABLE):
        errors = self.errors(changes, table)
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(text, errors[0])

    def test_accepts_the_good_tree(self):
        self.assertEqual(self.errors({}), [])

    def test_refuses_an_edge_that_is_not_listed(self):
        self.refuse({"src/gateway/a.cc": '#include "runtime/clock.h"\n'},
                    "src/gateway/a.cc:1: gateway may not include runtime")

    def test_refuses_an_edge_upwards(self):
        self.refuse({"src/base/a.cc": '\n#  include "model/names.h"\n'},
                    "src/base/a.cc:2: base may not include model")

    def test_refuses_a_private_folder_of_another(self):
        self.refuse({"src/gateway/a.cc": '#include "model/private/detail.h"\n'}, "is private")

    def test_refuses_a_private_folder_from_outside_src(self):
        self.refuse({"bench/a.cc": '#include "model/private/detail.h"\n'}, "is private")

    def test_refuses_another_outside_folder_that_is_not_listed(self):
        self.refuse({"bench/a.cc": '#include "tests/histories/client.h"\n'}, "no file of src/")

    def test_refuses_test_headers_in_the_product(self):
        self.refuse({"src/model/tests/fake.h": "", "src/model/a.cc":
                     '#include "model/tests/fake.h"\n'}, "only tests")

    def test_refuses_a_cycle_of_files(self):
        self.refuse({"src/model/a.h": '#include "model/b.h"\n',
                     "src/model/b.h": '#include "model/a.h"\n'}, "include cycle")

    def test_refuses_a_cycle_of_the_table(self):
        self.refuse({}, "cycle: ", TABLE.replace("base = []", 'base = ["gateway"]'))

    def test_refuses_a_header_that_does_not_exist(self):
        self.refuse({"src/model/a.cc": '#include "model/gone.h"\n'}, "no file")

    def test_refuses_our_header_in_angle_brackets(self):
        self.refuse({"src/base/a.cc": "#include <model/names.h>\n"}, "with quotes")

    def test_refuses_an_unknown_component(self):
        self.refuse({"src/utils/a.cc": ""}, "not in the table")

    def test_refuses_threads_and_sockets_outside_runtime(self):
        self.refuse({"src/model/a.cc": "#include <thread>\n"}, "may use 'thread'")
        self.refuse({"src/model/a.cc": "#include <boost/asio/ip/tcp.hpp>\n"}, "boost/asio")

    def test_refuses_clocks_outside_runtime(self):
        self.refuse({"src/model/a.cc": "// why\nauto t = std::chrono::steady_clock::now();\n"},
                    "src/model/a.cc:2: only runtime may use 'steady_clock::now'")

    def test_knows_listed_exceptions_and_refuses_unused_ones(self):
        exception = '[[platform.exception]]\npath = "src/model/*"\nmay = ["thread"]\nreason = "x"\n'
        self.assertEqual(self.errors({"src/model/a.cc": "#include <thread>\n"}, TABLE + exception),
                         [])
        self.refuse({"src/model/a.cc": ""}, "nobody uses", TABLE + exception)

    def test_the_real_table_has_no_cycle(self):
        table = tomllib.loads((TOOLS / "layers.toml").read_text(encoding="utf-8"))
        self.assertIsNone(check_layers.find_cycle(table["components"]))


class Style(Tree):
    def check(self, name, text):
        self.write({name: text})
        checker = check_style.Checker(self.root)
        checker.check(self.root / name)
        return checker

    def refuse(self, name, text, expected):
        errors = self.check(name, text).errors
        self.assertEqual(len(errors), 1, errors)
        self.assertIn(expected, errors[0])

    def test_accepts_good_files(self):
        self.assertEqual(self.check("a.h", "// What it is.\n#pragma once\n").errors, [])
        self.assertEqual(self.check("a.cc", '#include "a.h"\n').errors, [])
        self.assertEqual(self.check("b_test.cc", "int x;\n").errors, [])
        self.assertEqual(self.check("c.cc", '// c\nchar t[] = "/tmp/ashlar-XXXXXX";\n').errors, [])

    def test_refuses_each_fault_of_a_line(self):
        self.refuse("a.cc", "//" + "x" * 99 + "\n", "101 columns")
        self.refuse("a.py", "#" + "x" * 120 + "\n", "121 columns")
        self.refuse("a.cc", "// a\n\tint x;\n", "a.cc:2: tab")
        self.refuse("a.cc", "// a \n", "space at the end")
        self.refuse("a.cc", "// a", "no line feed")
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            self.refuse("a.cc", f"// {word}: later\n", "unfinished")
        for path in ("/" + "work/x", "/" + "root/x", "/home" + "/bob/x", "/tmp" + "/build-bob/x"):
            self.refuse("a.cc", f'// a\nopen("{path}");\n', "path of one machine")

    def test_refuses_missing_openings(self):
        self.refuse("a.h", "// What it is.\nint x;\n", "#pragma once")
        self.refuse("b.h", "#pragma once\n", "opens with no comment")
        self.refuse("c.cc", "int x;\n", "opens with no comment")
        self.refuse("d.py", "import os\n", "opens with no docstring")

    def test_refuses_what_clang_tidy_sees_only_in_a_main_file(self):
        for line, use in (("using b::Thing;", "Thing x;"), ("namespace c = a::b;", "c::Thing x;")):
            self.assertEqual(self.check("a.cc", f"// a\n{line}\n{use}\n").errors, [])
            self.refuse("a.cc", f"// a c\n{line}\nb::Thing x; // Thing c\n", "a.cc:2: ")
        self.refuse("a.cc", '// a\n#include "b.cc"\n', "a.cc:2: includes a .cc")

    def test_refuses_long_files(self):
        self.refuse("a.cc", "// a\n" * 701, "701 lines (at most 700)")
        self.refuse("a.h", "// a\n" * 350 + "#pragma once\n", "351 lines in a header")
        checker = self.check("a.cc", "// a\n" * 601)
        self.assertEqual((len(checker.errors), len(checker.warnings)), (0, 1))

    def test_measures_functions(self):
        body = "  if (x) {\n    x = Call([] { return '{'; });\n  }\n" * 33
        text = ("// a\nnamespace a {\nconstexpr int kTable[] = {1, 2};\n"
                "template <class T>\nTask<Result<int>> Big(int x,\n    const T& y) {\n"
                + body + "}\n}  // namespace a\n")
        self.refuse("a.cc", text, "a.cc:4: Big has 103 lines (at most 100)")
        text = ('// a\nclass A {\n public:\n  A() : x_{1} {}\n  void Warned() {\n'
                + "    x_ = 1;  // }\n" * 69 + '  }\n int x_ = 0;\n};\nR F() { return R"(}})"; }\n')
        checker = self.check("a.cc", text)
        self.assertEqual(checker.errors, [])
        self.assertEqual(len(checker.warnings), 1)
        self.assertIn("Warned has 71 lines", checker.warnings[0])
        names = [name for name, _, _ in check_style.find_functions(text)]
        self.assertEqual(names[-1], "F")


class Groups(Tree):
    """Files that must not be compiled as one are kept apart; others go together."""

    def group(self, *texts, **limits):
        self.write({f"{number}.cc": text for number, text in enumerate(texts)})
        paths = [self.root / f"{number}.cc" for number in range(len(texts))]
        return [[int(path.stem) for path in members]
                for members in source_groups.group(paths, **limits)]

    @staticmethod
    def own(line):
        return f"namespace {{\n\n{line}\n\n}}  // namespace\n"

    def test_keeps_a_name_from_files_that_have_it_too(self):
        for line in ("constexpr int kMax = 3;", "int kMax[] = {1};", "struct kMax {", "class kMax;",
                     "enum class kMax : int {", "using kMax = int;", "int kMax() {", "kMax(int x);",
                     "std::function<void(int)> kMax;", "class kMax : public Base {",
                     "const std::vector<int> kMax{1};", "class kMax final {"):
            self.assertEqual(self.group(self.own(line), "int x = f::g(kMax);\n"), [[0], [1]], line)
            self.assertEqual(self.group("int x = kMax;\n", self.own(line)), [[0], [1]], line)
            self.assertEqual(self.group(self.own(line), "int kMin;\n"), [[0, 1]], line)

    def test_keeps_macros_static_names_and_programs_apart(self):
        for line in ("#define kMax 3", "static int kMax = 3;", "static void kMax() {"):
            self.assertEqual(self.group(line + "\n", "int x = kMax;\n"), [[0], [1]], line)
        main = "int main() {\n"
        self.assertEqual(self.group(main, "int x;\n", main), [[0, 1], [2]])

    def test_knows_what_is_another_name(self):
        own = self.own("int Read();")
        for line in ("file.Read();", "file->Read();", "File::Read();", "// Read", 'f("Read");'):
            self.assertEqual(self.group(own, line + "\n"), [[0, 1]], line)
        # What the whole program sees cannot clash: it would not link.
        self.assertEqual(self.group("int Read() {\n", "int x = Read();\n"), [[0, 1]])
        self.assertEqual(self.group(self.own("TEST(A, b) {"), self.own("TEST(A, c) {")), [[0, 1]])

    def test_fills_groups_in_order(self):
        self.assertEqual(self.group(*["int x;\n"] * 5, files_max=2), [[0, 1], [2, 3], [4]])
        self.assertEqual(self.group(*["\n\n"] * 3, "\n" * 9, lines_max=5), [[0, 1], [2], [3]])


class Wrapping(unittest.TestCase):
    def test_moves_only_what_does_not_fit(self):
        long = "// " + "word " * 20
        self.assertEqual(wrap_comments.wrap([long + "end", "// next one"]),
                         [("// " + "word " * 19).rstrip(), "// word end next one"])
        self.assertEqual(wrap_comments.wrap(["// short", "int x;"]), ["// short", "int x;"])

    def test_keeps_lists_and_the_line_below(self):
        long = "//  1. " + "word " * 19
        self.assertEqual(wrap_comments.wrap([long + "end", "//  2. next"]),
                         [("//  1. " + "word " * 18).rstrip(), "//     word end", "//  2. next"])

    def test_lifts_a_comment_behind_code(self):
        code = "  int value = 1;"
        comment = "// " + "word " * 17 + "end"
        self.assertEqual(wrap_comments.wrap([f"{code}  {comment}"]), [f"  {comment}", code])


class Counting(Tree):
    def test_counts_both_dialects(self):
        self.write({"a.xml": '<testsuites><testsuite><testcase/><testcase><failure/></testcase>'
                             '<testcase><skipped/></testcase></testsuite></testsuites>',
                    "b.xml": '<testsuite><testcase status="run"/><testcase status="fail"/>'
                             '<testcase status="notrun"><skipped/></testcase></testsuite>'})
        self.assertEqual(count_tests.count(self.root / "a.xml"), (1, 1, 1))
        self.assertEqual(count_tests.count(self.root / "b.xml"), (1, 1, 1))


if __name__ == "__main__":
    unittest.main()
